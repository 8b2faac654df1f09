import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ModelRequest, Reply } from '../fakes/fake-anthropic/scenario.ts';
import { type FakeAnthropic, startFakeAnthropic } from '../fakes/fake-anthropic/server.ts';
import {
  approves,
  bash,
  commitToBase,
  END,
  installReal,
  judges,
  type RealInstallation,
} from '../support/real-claude.ts';
import { requirement, suiteName } from '../support/requirements.ts';

const cli = requirement('real-cli');
const pytest = requirement('pytest');

const PIPELINE = `      - { stage: development, agent: developer, tools: write }
      - { stage: review, agent: reviewer, tools: read, on_reject: development }
      - { stage: deploy, kind: deploy, approval: required, merge: auto }`;
const HAND_IN = `printf '{"schema":"orch.verdict/1","run":"%s","outcome":"done"}' "$ORCH_RUN_ID" > .orch-work/verdict.json`;
/** What a review says about each of the three, and the developer has to be told. */
const FINDING = { severity: 'high', title: 'The greeting has no exclamation mark', detail: 'MARK-FINDING' };

/** A repository, what its developer does, and what it must be told at its second try. */
interface Project {
  readonly files: Readonly<Record<string, string>>;
  readonly project?: Readonly<Record<string, unknown>>;
  /** Shell, by what the model was told last: at first, after the attempt that did not count, by the review. */
  readonly first: string;
  readonly second: string;
  readonly fixed: string;
  /** In the second prompt, and in no other before it. */
  readonly told: readonly string[];
  readonly verdict: 'permanent' | 'no_change';
  /** Of the commits that are merged, newest first; null: the one Orch makes of what was left uncommitted. */
  readonly subjects: readonly (string | null)[];
}

describe.skipIf(!cli.available)(suiteName('the real Claude Code in real projects', cli), () => {
  let api: FakeAnthropic;
  let here: RealInstallation;

  /** Five starts of the CLI each. */
  vi.setConfig({ testTimeout: 150_000 });
  beforeAll(async () => {
    api = await startFakeAnthropic();
  });
  afterAll(() => api.close());
  afterEach(() => here.remove());

  const git = (...args: string[]) =>
    execFileSync('git', ['-C', here.repository, ...args], { encoding: 'utf8' }).trim();
  const filesOfMain = () => git('ls-tree', '-r', '--name-only', 'main').split('\n');

  /** The model as a developer and as a reviewer: it answers what it was told last. */
  function model({ first, second, fixed, told }: Project, verdictFile: string): (r: ModelRequest) => Reply {
    return (request) => {
      if (request.answers > 0) return END;
      if (isReview(request)) {
        const isFixed = request.told.includes('MARK-FINDING') || reviews(request) > 1;
        return (
          isFixed
            ? approves(verdictFile)
            : judges(verdictFile, { outcome: 'request_changes', findings: [FINDING] })
        )(request);
      }
      const isSecond = told.every((text) => request.told.includes(text));
      const work = request.told.includes('MARK-FINDING') ? fixed : isSecond ? second : first;
      return { tool_use: bash(`${work}\n${HAND_IN}`) };
    };
  }
  const isReview = ({ told }: ModelRequest) => told.includes('You are the reviewer');
  const reviews = (request: ModelRequest) =>
    new Set([request, ...api.turns().filter(isReview)].map(({ told }) => told)).size;

  /** From the work item to the merge, over one attempt that does not count and one round of review. */
  async function walk(project: Project): Promise<{ key: string; prompts: string[] }> {
    here = installReal({ bin: cli.value, api, pipeline: PIPELINE, project: project.project ?? {} });
    commitToBase(here, { 'src/greet.js': null, ...project.files });
    const start = git('rev-parse', 'main');
    api.load({ after: model(project, here.worktree('P-1', '.orch-work/verdict.json')) });
    await here.up();
    const key = await here.submit();
    await here.jobWhere(key, (job) => job.stage === 'review' && job.status === 'done');
    const waiting = await here.taskWhere(key, (task) => task.reason?.code === 'approval.pending');
    expect((await here.orch('approve', key)).code).toBe(0);
    const merged = await here.taskWhere(key, (task) => task.status === 'done');

    // No run was wasted: one that did not count, two rounds of work and review, one merge.
    const runs = merged.runs.toSorted((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
    expect(runs.map(({ agent, attempt, verdict }) => [agent, attempt, verdict])).toEqual([
      ['developer', 1, project.verdict],
      ['developer', 2, 'success'],
      ['reviewer', 1, 'success'],
      ['developer', 1, 'success'],
      ['reviewer', 1, 'success'],
      [null, 1, 'success'],
    ]);
    // Each run of an agent is one prompt and two answers: what it does, and the end.
    expect(api.turns().map(({ answers }) => answers)).toEqual(Array.from({ length: 5 }, () => [0, 1]).flat());
    const prompts = api.turns().flatMap(({ told, answers }) => (answers === 0 ? [told] : []));
    for (const text of project.told) {
      expect(prompts[0]).not.toContain(text);
      expect(prompts[1]).toContain(text);
    }
    expect(prompts.map((prompt) => prompt.includes('MARK-FINDING'))).toEqual([
      false,
      false,
      false,
      true,
      expect.any(Boolean),
    ]);
    expect(prompts[3]).toContain(FINDING.title);

    expect(git('log', '-1', '--format=%s|%P', 'main')).toBe(
      `${key}: Greet with a comma|${start} ${waiting.head}`,
    );
    expect(git('log', '--format=%s', `${start}..${waiting.head}`).split('\n')).toEqual(
      project.subjects.map((subject) => subject ?? `${key}: Greet with a comma`),
    );
    return { key, prompts };
  }

  it('TypeScript with npm: installs, is told what its test said, and merges without node_modules', async () => {
    // The node that runs this test also runs TypeScript, whatever the machine's own is.
    const path = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
    const plural = { name: '@acme/plural', version: '1.0.0', type: 'module', exports: './index.js' };
    const needs = { '@acme/plural': 'file:packages/plural' };
    const { key } = await walk({
      files: {
        'package.json': JSON.stringify({
          name: 'greeter',
          version: '1.0.0',
          private: true,
          type: 'module',
          scripts: { test: 'node --test' },
          dependencies: needs,
        }),
        'package-lock.json': JSON.stringify({
          name: 'greeter',
          version: '1.0.0',
          lockfileVersion: 3,
          requires: true,
          packages: {
            '': { name: 'greeter', version: '1.0.0', dependencies: needs },
            'node_modules/@acme/plural': { resolved: 'packages/plural', link: true },
            'packages/plural': { name: '@acme/plural', version: '1.0.0' },
          },
        }),
        'packages/plural/package.json': JSON.stringify(plural),
        'packages/plural/index.js': 'export const plural = (word) => word + "s";\n',
        'src/greet.ts': `import { plural } from '@acme/plural';\nexport const greet = (name: string): string => 'Hello ' + plural(name);\n`,
        'test/greet.test.ts': `import assert from 'node:assert';
import { test } from 'node:test';
import { greet } from '../src/greet.ts';
test('greets its friends', () => assert.match(greet('friend'), /^Hello,? friends/));\n`,
      },
      project: {
        workspace: { setup: ['npm ci --offline --no-audit --no-fund'], env: { PATH: path } },
        checks: ['npm test'],
      },
      first: `sed -i "s/'Hello '/'Hello; '/" src/greet.ts && git commit -qam 'Greet differently'`,
      second: `sed -i "s/'Hello; '/'Hello, '/" src/greet.ts`,
      fixed: `sed -i "s/plural(name)/plural(name) + '!'/" src/greet.ts && git commit -qam 'Greet loudly'`,
      told: ['check failed: npm test', 'Hello; friends', 'greets its friends'],
      verdict: 'permanent',
      subjects: ['Greet loudly', null, 'Greet differently'],
    });
    expect(git('show', 'main:src/greet.ts')).toContain(`'Hello, ' + plural(name) + '!'`);
    expect(existsSync(here.worktree(key, 'node_modules/@acme/plural/index.js'))).toBe(true);
    expect(filesOfMain().filter((file) => file.includes('node_modules'))).toEqual([]);
    // Once for the worktree, not for each run.
    expect(existsSync(join(here.home, 'runs/run_1/setup-1'))).toBe(true);
    expect(existsSync(join(here.home, 'runs/run_2/setup-1'))).toBe(false);
  });

  it.skipIf(!pytest.available)(
    suiteName('Python with pytest: in a virtual environment that is not merged', pytest),
    async () => {
      const { key } = await walk({
        files: {
          'greeter/__init__.py': '',
          'greeter/greet.py': `def greet(name):\n    return "Hello " + name\n`,
          'tests/test_greet.py': `from greeter.greet import greet\n\n\ndef test_greets_its_friends():\n    assert greet("Mara").startswith(("Hello Mara", "Hello, Mara"))\n`,
        },
        project: {
          workspace: { setup: [`${pytest.value} -m venv --system-site-packages .venv`] },
          checks: ['.venv/bin/python -m pytest -q -rN'],
        },
        first: `sed -i 's/"Hello "/"Hello; "/' greeter/greet.py && git commit -qam 'Greet differently'`,
        second: `sed -i 's/"Hello; "/"Hello, "/' greeter/greet.py`,
        fixed: `sed -i 's/+ name/+ name + "!"/' greeter/greet.py && git commit -qam 'Greet loudly'`,
        told: ['check failed: .venv/bin/python -m pytest', 'Hello; Mara', 'test_greets_its_friends'],
        verdict: 'permanent',
        subjects: ['Greet loudly', null, 'Greet differently'],
      });
      expect(git('show', 'main:greeter/greet.py')).toContain('"Hello, " + name + "!"');
      expect(existsSync(here.worktree(key, '.venv/bin/python'))).toBe(true);
      expect(existsSync(here.worktree(key, 'greeter/__pycache__'))).toBe(true);
      expect(filesOfMain().toSorted()).toEqual([
        'README.md',
        'greeter/__init__.py',
        'greeter/greet.py',
        'tests/test_greet.py',
      ]);
    },
  );

  it('PHP without tests: no change is no evidence, and the change is what is reviewed', async () => {
    await walk({
      files: {
        'src/greet.php': `<?php\nfunction greet(string $name): string {\n    return 'Hello ' . $name;\n}\n`,
      },
      first: 'cat src/greet.php',
      second: `sed -i "s/'Hello '/'Hello, '/" src/greet.php && git commit -qam 'Greet with a comma'`,
      fixed: `sed -i "s/. \\$name;/. \\$name . '!';/" src/greet.php`,
      told: ['nothing was changed'],
      verdict: 'no_change',
      subjects: [null, 'Greet with a comma'],
    });
    expect(git('show', 'main:src/greet.php')).toContain(`return 'Hello, ' . $name . '!';`);
    expect(filesOfMain().toSorted()).toEqual(['README.md', 'src/greet.php']);
  });
});
