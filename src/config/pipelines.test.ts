import { describe, expect, it } from 'vitest';
import { ACCOUNT, load, problemsOf, stages } from './test-kit.ts';

/** Project `api` with these `pipelines:`. */
function withPipelines(lines: string, pipeline = ''): string {
  const block = lines
    .split('\n')
    .map((line) => `      ${line}\n`)
    .join('');
  return `${ACCOUNT}projects:\n  api:\n    repo: .\n    accounts: [a]\n${pipeline}    pipelines:\n${block}`;
}

const DEV = '{ stage: development }';
const SECURITY = '{ stage: security, agent: reviewer, tools: read, when: { paths: ["src/auth/**"] } }';

describe('further pipelines', () => {
  it('are there without being configured: quick, by name only', () => {
    const [project] = load(stages(DEV)).config.projects;
    expect(Object.keys(project?.pipelines ?? {})).toEqual(['quick']);
    expect(project?.pipelines['quick']).toMatchObject({
      when: null,
      stages: [
        { stage: 'development', agent: 'developer', tools: 'write' },
        { stage: 'review', agent: 'reviewer', tools: 'read', onReject: 'development' },
        { stage: 'deploy', kind: 'deploy', approval: 'required', merge: 'auto' },
      ],
    });
    expect(project?.pipelines['quick']?.stages).toHaveLength(3);
  });

  it('keep the order of the file, with one size or several, and stages only where they are their own', () => {
    const yaml = withPipelines(
      `full: { when: { labels: [security] } }\nquick: { when: { labels: [quick, docs], size: small } }\nmedium: { when: { size: [small, medium] }, stages: [${DEV}] }\nby-name: { stages: [${DEV}] }`,
      `    pipeline: [${DEV}]\n`,
    );
    const [project] = load(yaml).config.projects;
    expect(Object.entries(project?.pipelines ?? {}).map(([name, { when }]) => [name, when])).toEqual([
      ['full', { labels: ['security'], size: [] }],
      ['quick', { labels: ['quick', 'docs'], size: ['small'] }],
      ['medium', { labels: [], size: ['small', 'medium'] }],
      ['by-name', null],
    ]);
    expect(project?.pipelines['full']?.stages).toBeNull();
    expect(project?.pipelines['by-name']?.stages).toMatchObject([{ stage: 'development', timeoutMs: null }]);
  });

  it('may have no key, and full may have its stages here', () => {
    const [project] = load(withPipelines(`quick:\nfull: { stages: [${DEV}] }`)).config.projects;
    expect(project?.pipelines['quick']?.stages).toHaveLength(3);
    expect(project?.pipeline.map(({ stage }) => stage)).toEqual(['development']);
  });

  it.each<[string, string, string[]]>([
    ['a list of stages', `short: [${DEV}]`, ['projects.api.pipelines.short']],
    ['one without stages', 'short: { when: { labels: [x] } }', ['projects.api.pipelines.short.stages']],
    ['an unknown size', 'quick: { when: { size: tiny } }', ['projects.api.pipelines.quick.when.size']],
    [
      'a when that asks for nothing',
      'quick: { when: { labels: [] } }',
      ['projects.api.pipelines.quick.when'],
    ],
    ['a number as name', `2: { stages: [${DEV}] }`, ['projects.api.pipelines.2']],
    ['a bad name', `"../x": { stages: [${DEV}] }`, ['projects.api.pipelines."../x"']],
    [
      'a bad stage in it',
      'short: { stages: [{ stage: development, on_reject: review }, { stage: docs }] }',
      ['projects.api.pipelines.short.stages[0].on_reject', 'projects.api.pipelines.short.stages[1].agent'],
    ],
    [
      'a prompt that is not there',
      'short: { stages: [{ stage: development, prompt: dev.md }] }',
      ['projects.api.pipelines.short.stages[0].prompt'],
    ],
  ])('are refused: %s', (_what, lines, keys) => {
    expect(problemsOf(withPipelines(lines)).map(({ key }) => key)).toEqual(keys);
  });

  it('are refused: full given twice', () => {
    const yaml = withPipelines(`full: { stages: [${DEV}] }`, `    pipeline: [${DEV}]\n`);
    expect(problemsOf(yaml).map(({ key }) => key)).toEqual(['projects.api.pipelines.full.stages']);
  });

  it('are refused: quick for a project without an account, once it is configured', () => {
    const human = '[{ stage: accept, kind: human }]';
    const project = (more: string) => `projects: { api: { repo: ., pipeline: ${human}${more} } }`;
    expect(problemsOf(project(''))).toEqual([]);
    expect(problemsOf(project(', pipelines: { quick: { when: { size: small } } }'))).toMatchObject([
      { key: 'projects.api.accounts', problem: expect.stringContaining('development, review') },
    ]);
  });

  it('warn no longer that they, or the reviewers of their stages, are not acted upon', () => {
    const yaml = withPipelines(
      `short: { when: { size: small }, stages: [${DEV}, ${SECURITY}, { stage: accept, kind: human, reviewers: [mara] }] }`,
    );
    expect(load(yaml).warnings).toEqual([]);
  });
});

describe('the condition of a stage', () => {
  it('is read', () => {
    const [project] = load(stages(DEV, SECURITY)).config.projects;
    expect(project?.pipeline[1]?.when).toEqual({ labels: [], paths: ['src/auth/**'] });
  });

  it.each<[string, string[], string]>([
    ['on the first stage that writes', ['{ stage: development, when: { labels: [x] } }'], '[0].when'],
    ['on a deploy stage', [DEV, '{ stage: deploy, kind: deploy, when: { labels: [x] } }'], '[1].when'],
    [
      'on files before any were changed',
      ['{ stage: analysis, when: { paths: [src/x] } }', DEV],
      '[0].when.paths',
    ],
    ['that asks for nothing', [DEV, '{ stage: review, when: {} }'], '[1].when'],
    ['that leaves the folder', [DEV, '{ stage: review, when: { paths: [../x] } }'], '[1].when.paths[0]'],
    [
      'on the only review before an automatic merge',
      [DEV, '{ stage: review, merge: auto, when: { labels: [x] } }'],
      '[1].merge',
    ],
  ])('is refused %s', (_what, lines, key) => {
    expect(problemsOf(stages(...lines)).map((problem) => problem.key)).toEqual([
      `projects.api.pipeline${key}`,
    ]);
  });

  it('may ask for labels before the first stage that writes', () => {
    expect(problemsOf(stages('{ stage: analysis, when: { labels: [new] } }', DEV))).toEqual([]);
  });
});
