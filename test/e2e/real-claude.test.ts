import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AccountWire, JobWire, TaskDetailWire } from '../../src/http/contract.ts';
import type { Reply } from '../fakes/fake-anthropic/scenario.ts';
import { type FakeAnthropic, fingerprintOf, startFakeAnthropic } from '../fakes/fake-anthropic/server.ts';
import { type Installation, waitFor } from '../support/orch.ts';
import {
  bash,
  cliProcess,
  FAKE_KEY,
  FAKE_TOKEN,
  handInByBash,
  installReal,
  promptedRun,
  type RealOptions,
} from '../support/real-claude.ts';
import { requirement, suiteName } from '../support/requirements.ts';

const cli = requirement('real-cli');
const EDITED: Reply = {
  tool_use: bash(
    `echo "export const n = 1;" > src/new.js && git add -A && git commit -q -m Add && ${handInByBash('done')}`,
  ),
};
const ENDED: Reply = { text: 'All done.' };

describe.skipIf(!cli.available)(suiteName('the real Claude Code', cli), () => {
  let api: FakeAnthropic;
  let here: Installation;

  beforeAll(async () => {
    api = await startFakeAnthropic();
  });
  afterAll(() => api.close());
  afterEach(() => here.remove());

  function setUp(options: Partial<RealOptions> = {}): Installation {
    here = installReal({ bin: cli.value, url: api.url, ...options });
    return here;
  }

  async function submit(): Promise<string> {
    const { task } = await here.json<{ task: { key: string } }>(
      'submit',
      '--project',
      'p',
      '--title',
      'Greet with a comma',
    );
    return task.key;
  }

  /** Waits until the task's newest job is as wanted. */
  function jobWhere(key: string, wanted: (job: JobWire) => boolean): Promise<JobWire> {
    const newest = async () => (await here.task(key)).jobs.at(-1);
    return waitFor(
      async () => {
        const job = await newest();
        return job !== undefined && wanted(job) ? job : null;
      },
      30_000,
      async () => [
        await newest(),
        (await here.runs()).map((r) => [r.verdict, r.reason]),
        api.requests().map((r) => [r.kind, r.replied]),
      ],
    );
  }

  function taskWhere(key: string, wanted: (task: TaskDetailWire) => boolean): Promise<TaskDetailWire> {
    return waitFor(
      async () => {
        const task = await here.task(key);
        return wanted(task) ? task : null;
      },
      30_000,
      async () => [await here.task(key), api.requests().map((r) => [r.kind, r.replied])],
    );
  }

  const account = async () => (await here.json<{ accounts: AccountWire[] }>('accounts')).accounts[0];

  it('edits, commits, is reviewed and merged', async () => {
    const pipeline = `      - { stage: development, agent: developer, tools: write, model: sonnet, effort: low }
      - { stage: review, agent: reviewer, tools: read, on_reject: development }
      - { stage: deploy, kind: deploy, approval: required, merge: auto }`;
    setUp({ pipeline });
    const file = (name: string) => join(here.home, 'worktrees', 'p', 'P-1', name);
    api.load({
      replies: [
        { tool_use: { name: 'Read', input: { file_path: file('src/greet.js') } } },
        {
          text: 'I will fix it.',
          tool_use: {
            name: 'Edit',
            input: { file_path: file('src/greet.js'), old_string: "'Hello '", new_string: "'Hello, '" },
          },
        },
        { tool_use: bash(`git add -A && git commit -q -m 'Fix greeting' && ${handInByBash('done')}`) },
        {
          text: 'Fixed and committed.',
          usage: { input_tokens: 5000, output_tokens: 120, cache_read_input_tokens: 3000 },
        },
        { tool_use: bash('git diff main...HEAD') },
        { tool_use: bash('echo hacked > src/greet.js') },
        (request) => ({
          tool_use: {
            name: 'Write',
            input: {
              file_path: file('.orch-work/verdict.json'),
              content: JSON.stringify({
                schema: 'orch.verdict/1',
                run: promptedRun(request),
                outcome: 'approve',
              }),
            },
          },
        }),
        { text: 'Approved.' },
      ],
    });
    const t0 = Date.now();
    await here.up();
    const key = await submit();
    await taskWhere(key, (t) => t.status === 'needs_you');
    await here.orch('approve', key);
    const done = await taskWhere(key, (t) => t.status === 'done');
    console.log('done', Date.now() - t0);
    console.log(done.pr, api.turns().at(-1)?.said);
    console.log(
      here.rows('SELECT * FROM work_item_comments'),
      readFileSync(join(here.home, 'runs/run_2/run.json'), 'utf8'),
    );
    expect(done.status).toBe('done');
  });

  it('401', async () => {
    setUp({ env: { ORCH_PROBE_INTERVAL_SECONDS: '3600', ORCH_PREFLIGHT_CACHE_TTL: '1' } });
    api.load({
      after: { status: 401, error: { type: 'authentication_error', message: 'invalid x-api-key' } },
    });
    await here.up();
    const key = await submit();
    const job = await jobWhere(key, (j) => j.verdict === 'auth');
    console.log(
      job,
      await account(),
      api.requests().map((r) => [r.kind, r.replied, r.credentials]),
    );
    api.load({ replies: [EDITED, ENDED] });
    const healed = readFileSync(join(here.root, 'orch.yaml'), 'utf8').replace(FAKE_KEY, 'sk-ant-api03-OTHER');
    here.writeConfig(healed);
    await taskWhere(key, (t) => t.status !== 'active');
    console.log(await here.runs());
    console.log(
      await account(),
      api.requests().map((r) => [r.kind, r.replied, r.credentials]),
      fingerprintOf('sk-ant-api03-OTHER'),
    );
  });

  it('429', async () => {
    setUp({ env: { ORCH_BACKOFF_BASE_SECONDS: '60' } });
    api.load({ after: { status: 429, error: { type: 'rate_limit_error', message: 'slow down' } } });
    await here.up();
    const key = await submit();
    const job = await jobWhere(key, (j) => j.verdict !== null);
    console.log(
      job,
      await account(),
      api.requests().map((r) => [r.kind, r.replied]),
    );
  });

  it('529 twice', async () => {
    setUp();
    api.load({
      replies: [
        { status: 529, error: { type: 'overloaded_error', message: 'Overloaded' }, repeat: 2 },
        EDITED,
        ENDED,
      ],
    });
    await here.up();
    const key = await submit();
    const t = await taskWhere(key, (j) => j.status !== 'active');
    console.log(
      t,
      api.requests().map((r) => [r.kind, r.replied]),
    );
  });

  it('usage limit', async () => {
    setUp({ credential: { CLAUDE_CODE_OAUTH_TOKEN: FAKE_TOKEN } });
    const reset = Math.floor(Date.now() / 1000) + 7200;
    api.load({ after: { usage_limit: { claim: 'five_hour', reset } } });
    await here.up();
    const key = await submit();
    const job = await jobWhere(key, (j) => j.verdict !== null);
    console.log(
      job,
      await account(),
      new Date(reset * 1000),
      api.requests().map((r) => [r.kind, r.replied]),
    );
  });

  it('logged out', async () => {
    setUp({
      credential: {},
      env: { ORCH_PREFLIGHT_CHECK_AUTH: 'false', ORCH_PROBE_INTERVAL_SECONDS: '3600', ORCH_PREFLIGHT_CACHE_TTL: '1' },
    });
    api.load({ replies: [EDITED, ENDED] });
    await here.up();
    const key = await submit();
    const job = await jobWhere(key, (j) => j.verdict !== null);
    console.log(
      job,
      await account(),
      await here.runs(),
      api.requests().map((r) => [r.kind, r.replied]),
    );
    const healed = readFileSync(join(here.root, 'orch.yaml'), 'utf8').replace(
      '"env":{',
      `"env":{"ANTHROPIC_API_KEY":"${FAKE_KEY}",`,
    );
    here.writeConfig(healed);
    await taskWhere(key, (t) => t.status !== 'active');
    console.log(await here.runs());
  });

  it('killed', async () => {
    setUp();
    api.load({ replies: [{ ...EDITED, delay_ms: 60_000 }, EDITED, ENDED] });
    await here.up();
    const key = await submit();
    await waitFor(() => api.turns().length === 1);
    const pid = cliProcess(here, cli.value, 'run_1');
    process.kill(pid ?? 0, 'SIGKILL');
    const job = await jobWhere(key, (j) => j.verdict !== null);
    console.log(job);
    await taskWhere(key, (t) => t.status !== 'active');
    console.log(await here.runs(), api.turns().at(-1)?.said);
  });

  it('stalled', async () => {
    setUp({ pipeline: '      - { stage: development, agent: developer, tools: write, stall: 3s }' });
    api.load({ replies: [{ ...EDITED, stall_ms: 60_000 }, EDITED, ENDED] });
    await here.up();
    const key = await submit();
    const job = await jobWhere(key, (j) => j.verdict !== null);
    console.log(job);
    await taskWhere(key, (t) => t.status !== 'active');
    console.log(await here.runs(), api.turns().at(-1)?.said);
  });
});
