import { describe, expect, it } from 'vitest';
import { readRepositoryPipeline } from './repository-pipeline.ts';

function read(
  yaml: string | null,
  prompts: Record<string, string> = {},
  noteProblem = () => null as string | null,
) {
  const files = Object.entries(prompts).map(([name, text]) => ({ path: `.orch/prompts/${name}`, text }));
  if (yaml !== null) files.push({ path: '.orch/pipeline.yaml', text: yaml });
  return readRepositoryPipeline(
    files.map((file) => ({ ...file, truncated: false })),
    noteProblem,
  );
}

const stage = (keys: string) => `stages: [{ stage: security, after: review, agent: reviewer${keys} }]`;

describe('what a repository writes down', () => {
  it('adds checks, stages, approvals and prompt texts', () => {
    const { additions, problems } = read(
      [
        'checks: ["npm run lint"]',
        'stages:',
        '  - { stage: security, after: review, agent: reviewer, tools: read, on_reject: development, prompt: sec.md, model: opus, effort: high, timeout: 30m, when: { paths: ["src/auth/**"] } }',
        '  - { stage: licences, before: deploy, kind: command, command: "npm run licences" }',
        '  - { stage: e2e, after: review, agent: tester }',
        'approvals: [review]',
        'prompts: { development: dev-notes.md }',
      ].join('\n'),
      {
        'sec.md': 'look twice',
        'dev-notes.md': 'use tabs',
        'review.md': 'be kind',
        'development.md': 'not this',
      },
    );
    expect(problems).toEqual([]);
    expect(additions.checks).toEqual(['npm run lint']);
    expect(
      additions.stages.map(({ stage: { stage: name, kind }, side, anchor, writes, key }) => [
        ...[name, kind, side, anchor, writes, key],
      ]),
    ).toEqual([
      ['security', 'agent', 'after', 'review', false, 'stages[0]'],
      ['licences', 'command', 'before', 'deploy', false, 'stages[1]'],
      ['e2e', 'agent', 'after', 'review', true, 'stages[2]'],
      ['review-approval', 'human', 'after', 'review', false, 'approvals[0]'],
    ]);
    expect(additions.stages[0]?.stage).toMatchObject({
      tools: 'read',
      onReject: 'development',
      model: 'opus',
      effort: 'high',
      timeoutMs: 1_800_000,
      when: { labels: [], paths: ['src/auth/**'] },
      account: null,
      permission: 'default',
      prompt: null,
      checks: null,
    });
    expect(additions.notes.map(({ stage: name, text, key }) => [name, text, key])).toEqual([
      ['security', 'look twice', 'stages[0].prompt'],
      ['development', 'use tabs', 'prompts.development'],
      ['sec', 'look twice', null],
      ['dev-notes', 'use tabs', null],
      ['review', 'be kind', null],
    ]);
  });

  it('adds nothing when nothing is there', () => {
    const none = { additions: { stages: [], checks: [], notes: [] }, problems: [] };
    expect(read(null)).toEqual(none);
    expect(read('')).toEqual(none);
    expect(read('checks:\nstages:')).toEqual(none);
  });

  it('keeps what is wrong with a prompt beside it: a file of no stage is nobody’s concern', () => {
    const { additions, problems } = read(null, { 'review.md': '{{ x' }, () => 'is broken');
    expect(problems).toEqual([]);
    expect(additions.notes).toMatchObject([{ stage: 'review', problem: 'is broken' }]);
    expect(read(null, { 'review.md': 'x'.repeat(40_000) }).additions.notes[0]?.problem).toContain('32 KiB');
  });

  it.each<[string, string, string[]]>([
    ['accounts', 'accounts: { mine: { agent: scripted } }', ['accounts']],
    ['an account of a stage', stage(', account: root'), ['stages[0].account']],
    ['a sandbox', stage(', sandbox: none'), ['stages[0].sandbox']],
    ['a permission', stage(', permission: bypass'), ['stages[0].permission']],
    ['variables', 'env: { CI: "1" }', ['env']],
    ['variables of a stage', stage(', env: { CI: "1" }'), ['stages[0].env']],
    [
      'checks of its own stage, which would replace those of the project',
      stage(', checks: []'),
      ['stages[0].checks'],
    ],
    ['the pipeline itself', 'pipeline: [{ stage: development }]', ['pipeline']],
    ['stages to remove', 'remove: [review]', ['remove']],
    ['the merge', stage(', merge: auto'), ['stages[0].merge']],
    ['an approval to do without', stage(', approval: none'), ['stages[0].approval']],
    ['the people who decide', stage(', reviewers: [me]'), ['stages[0].reviewers']],
    ['a deploy stage', 'stages: [{ stage: ship, after: review, kind: deploy }]', ['stages[0].kind']],
    ['a writing reviewer', stage(', tools: write'), ['stages[0].tools']],
    [
      'a reading developer',
      'stages: [{ stage: x, after: analysis, agent: developer, tools: read }]',
      ['stages[0].tools'],
    ],
    ['a deployer', 'stages: [{ stage: x, after: review, agent: deployer }]', ['stages[0].agent']],
    ['a stage without a place', 'stages: [{ stage: x, agent: reviewer }]', ['stages[0].after']],
    ['a stage with two places', stage(', before: deploy'), ['stages[0].after']],
    [
      'a command stage without one',
      'stages: [{ stage: x, after: review, kind: command }]',
      ['stages[0].command'],
    ],
    [
      'a role for a command',
      'stages: [{ stage: x, after: review, kind: command, command: y, agent: tester }]',
      ['stages[0].agent'],
    ],
    ['a condition that asks for nothing', stage(', when: {}'), ['stages[0].when']],
    ['a prompt outside its folder', stage(', prompt: ../../etc/passwd.md'), ['stages[0].prompt']],
    ['a prompt that is not there', 'prompts: { review: missing.md }', ['prompts.review']],
    ['more rounds than there is patience', stage(', max_rounds: 100'), ['stages[0].max_rounds']],
    ['checks that are no list', 'checks: npm test', ['checks']],
    ['too many checks', `checks: [${'x, '.repeat(21)}]`, ['checks']],
    ['broken YAML', 'checks: [', ['.orch/pipeline.yaml']],
    ['a bomb of aliases', `a: &a [x]\n${'b: *a\n'.repeat(1)}c: &c [*c]`, ['.orch/pipeline.yaml']],
    ['a file too large', `checks: [x]\n#${'x'.repeat(70_000)}`, ['.orch/pipeline.yaml']],
  ])('is refused: %s', (_what, yaml, keys) => {
    const { additions, problems } = read(yaml);
    expect(problems.map(({ key }) => key)).toEqual(keys);
    for (const { problem, fix } of problems) expect([problem, fix]).not.toContain('');
    expect(additions).toEqual({ stages: [], checks: [], notes: [] });
  });

  it('says that a key is not for it to say, and what a slip was meant to be', () => {
    expect(read('accounts: {}\ncheks: []').problems).toMatchObject([
      {
        key: 'accounts',
        problem: 'is not for a repository to say',
        fix: expect.stringContaining('the operator decides'),
      },
      { key: 'cheks', fix: 'did you mean "checks"?' },
    ]);
  });

  it('is not found under another ending, and says so', () => {
    const files = [{ path: '.orch/pipeline.yml', text: 'checks: [x]', truncated: false }];
    expect(readRepositoryPipeline(files, () => null).problems).toMatchObject([{ key: '.orch/pipeline.yml' }]);
  });
});
