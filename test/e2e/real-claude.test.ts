import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { REAL_CLI_VERSION } from '../../scripts/real-cli.mjs';
import { type FakeAnthropic, fingerprintOf, startFakeAnthropic } from '../fakes/fake-anthropic/server.ts';
import { waitFor } from '../support/orch.ts';
import {
  approves,
  bash,
  commits,
  END,
  FAKE_TOKEN,
  installReal,
  type RealInstallation,
  type RealOptions,
} from '../support/real-claude.ts';
import { requirement, suiteName } from '../support/requirements.ts';

const cli = requirement('real-cli');
const WORK = commits('echo "export const n = 1;" > src/new.js');
const NO_BUDGET_SPENT = { status: 'queued', attempts: 0, transientAttempts: 0, lostAttempts: 0 };

describe.skipIf(!cli.available)(suiteName('the real Claude Code', cli), () => {
  let api: FakeAnthropic;
  let here: RealInstallation;

  beforeAll(async () => {
    api = await startFakeAnthropic();
  });
  afterAll(() => api.close());
  afterEach(() => here.remove());

  /** An installation with its service, and one work item; its key. */
  async function begin(options: Omit<RealOptions, 'bin' | 'api'> = {}): Promise<string> {
    setUp(options);
    await here.up();
    return here.submit();
  }

  function setUp(options: Omit<RealOptions, 'bin' | 'api'>): void {
    here = installReal({ bin: cli.value, api, ...options });
  }

  const done = (key: string) => here.jobWhere(key, (job) => job.status === 'done');

  const git = (...args: string[]) =>
    execFileSync('git', ['-C', here.repository, ...args], { encoding: 'utf8' }).trim();
  const replies = () => api.turns().map((turn) => turn.replied);

  describe('at work', () => {
    it('edits and commits, is reviewed by one that may only read, and is merged as approved', async () => {
      setUp({
        pipeline: `      - { stage: development, agent: developer, tools: write, model: sonnet, effort: low }
      - { stage: review, agent: reviewer, tools: read, on_reject: development }
      - { stage: deploy, kind: deploy, approval: required, merge: auto }`,
      });
      const greet = here.worktree('P-1', 'src/greet.js');
      api.load({
        replies: [
          { tool_use: { name: 'Read', input: { file_path: greet } } },
          {
            text: 'I will fix it.',
            tool_use: {
              name: 'Edit',
              input: { file_path: greet, old_string: "'Hello '", new_string: "'Hello, '" },
            },
          },
          commits('true'),
          {
            text: 'Fixed and committed.',
            usage: { input_tokens: 5000, output_tokens: 120, cache_read_input_tokens: 3000 },
          },
          { tool_use: bash('git diff origin/main...HEAD') },
          {
            tool_use: [
              bash('echo hacked > src/greet.js'),
              { name: 'Write', input: { file_path: greet, content: 'x' } },
            ],
          },
          approves(here.worktree('P-1', '.orch-work/verdict.json')),
          { text: 'Approved.' },
        ],
      });
      await here.up();
      const key = await here.submit();
      const waiting = await here.taskWhere(key, (task) => task.reason?.code === 'approval.pending');
      expect((await here.orch('approve', key)).code).toBe(0);
      const merged = await here.taskWhere(key, (task) => task.status === 'done');

      const session = expect.stringMatching(/^[0-9a-f-]{36}$/);
      const common = {
        account: 'claude-a',
        cli: { kind: 'claude-code', version: REAL_CLI_VERSION },
        exitCode: 0,
        resultOk: true,
        verdict: 'success',
        sessionId: session,
      };
      const agents = merged.runs.filter((run) => run.cli !== null);
      expect(agents).toMatchObject([
        {
          ...common,
          agent: 'developer',
          reason: 'Fixed and committed.',
          usage: { inputTokens: 8600, outputTokens: 246, cacheReadTokens: 3000, turns: 4 },
        },
        {
          ...common,
          agent: 'reviewer',
          reason: 'Approved.',
          usage: { inputTokens: 4800, outputTokens: 168, turns: 5 },
        },
      ]);
      const costs = agents.map((run) => run.usage.costUsd ?? 0);
      expect(Math.min(...costs)).toBeGreaterThan(0);
      expect(merged.costUsd).toBeCloseTo(
        costs.reduce((sum, cost) => sum + cost),
        6,
      );
      expect(here.runFile('run_1', 'run.log')).toContain(`"session_id":"${agents[0]?.sessionId}"`);
      expect(agents[0]?.sessionId).not.toBe(agents[1]?.sessionId);

      const [development, review] = [api.turns()[0], api.turns().at(-1)];
      expect(development?.model).toContain('sonnet');
      expect(review?.said).toContain("+  return 'Hello, ' + name;");
      expect(JSON.parse(here.runFile('run_2', 'run.log').trim().split('\n').at(-1) ?? '')).toMatchObject({
        permission_denials: [{ tool_name: 'Bash' }, { tool_name: 'Write' }],
      });

      expect(here.rows('SELECT version, bin FROM cli_versions')).toEqual([
        { version: agents[0]?.cli?.version, bin: realpathSync(cli.value) },
      ]);

      expect(merged.pr?.state).toBe('merged');
      expect(git('show', 'main:src/greet.js')).toContain("return 'Hello, ' + name;");
      expect(git('log', '-1', '--format=%s|%P', 'main')).toMatch(
        new RegExp(`^${key}: Greet with a comma\\|[0-9a-f]{40} ${waiting.head}$`),
      );
      expect(git('log', '--format=%s', `main^1..${waiting.head}`)).toBe('Change');
      await waitFor(
        () =>
          here.rows(`SELECT 1 FROM outbox WHERE status = 'pending' AND destination LIKE 'tracker:%'`)
            .length === 0,
      );
      const comments = here.rows<{ body: string }>('SELECT body FROM work_item_comments ORDER BY id');
      expect(comments.map((comment) => comment.body)).toEqual([
        expect.stringMatching(
          /^\*\*development\*\* .*8,600 tokens in, 3,000 from cache, 246 out, \$0\.0\d \(run_1/,
        ),
        expect.stringMatching(/^\*\*review\*\* .*4,800 tokens in, 168 out, \$0\.0\d \(run_2/),
      ]);
    });

    it('outlasts an overload that ends within its own few tries', async () => {
      const overloaded = {
        status: 529,
        error: { type: 'overloaded_error', message: 'Overloaded' },
        repeat: 2,
      };
      api.load({ replies: [overloaded, WORK, END] });
      const job = await done(await begin());
      expect(job).toMatchObject({ attempts: 1, transientAttempts: 0 });
      expect(await here.runs()).toHaveLength(1);
      expect(replies()).toEqual(['status 529', 'status 529', 'message', 'message']);
    });
  });

  describe('refused', () => {
    it('401 holds the account, spends nothing, and goes on in its session with another key', async () => {
      api.load({
        after: { status: 401, error: { type: 'authentication_error', message: 'invalid x-api-key' } },
      });
      const key = await begin({
        env: { ORCH_PROBE_INTERVAL_SECONDS: '3600', ORCH_PREFLIGHT_CACHE_TTL: '1' },
      });
      expect(await here.jobWhere(key, (job) => job.hold?.code === 'account.signed_out')).toMatchObject({
        ...NO_BUDGET_SPENT,
        verdict: 'auth',
      });
      expect(await here.account()).toMatchObject({
        hold: { code: 'account.signed_out', until: null },
        breaker: { failures: 0 },
      });
      expect(replies()).toEqual(['status 401', 'status 401', 'status 401']);

      api.load({ replies: [WORK, END] });
      here.credential({ ANTHROPIC_API_KEY: 'sk-ant-api03-OTHER' });
      expect(await done(key)).toMatchObject({ attempts: 1 });
      expect((await here.account())?.hold).toBeNull();
      expect(api.turns()[0]?.credentials).toEqual([
        { header: 'x-api-key', fingerprint: fingerprintOf('sk-ant-api03-OTHER') },
      ]);
      const [refused, resumed] = await here.attempts();
      expect(resumed?.sessionId).toBe(refused?.sessionId);
      expect(api.turns()[0]?.said).toContain('This is now run run_2');
    });

    it('429 is transient: its own budget, a delay, the breaker', async () => {
      api.load({ after: { status: 429, error: { type: 'rate_limit_error', message: 'Slow down' } } });
      const key = await begin({ env: { ORCH_BACKOFF_BASE_SECONDS: '60' } });
      const job = await here.jobWhere(key, ({ verdict }) => verdict !== null);
      expect(job).toMatchObject({ ...NO_BUDGET_SPENT, verdict: 'transient', transientAttempts: 1 });
      expect(Date.parse(job.availableAt ?? '')).toBeGreaterThan(Date.now());
      // After a run the sign-in is looked at anew: a moment later nothing is held.
      await waitFor(async () => (await here.account())?.hold === null);
      expect(await here.account()).toMatchObject({ breaker: { failures: 1 } });
      expect(replies()).toEqual(['status 429', 'status 429', 'status 429']);
    });

    it('a connection that breaks in every answer is transient', async () => {
      api.load({ after: { text: 'Half of what I wanted to say.'.repeat(20), drop: 'mid_stream' } });
      const key = await begin({ env: { ORCH_BACKOFF_BASE_SECONDS: '60' } });
      const job = await here.jobWhere(key, ({ verdict }) => verdict !== null);
      expect(job).toMatchObject({ ...NO_BUDGET_SPENT, verdict: 'transient', transientAttempts: 1 });
      expect(new Set(replies())).toEqual(new Set(['mid_stream']));
    });

    it('a used-up plan holds the account until the stated reset', async () => {
      const reset = Math.floor(Date.now() / 1000) + 7200;
      api.load({ after: { usage_limit: { claim: 'five_hour', reset } } });
      const key = await begin({ credential: { CLAUDE_CODE_OAUTH_TOKEN: FAKE_TOKEN } });
      const job = await here.jobWhere(key, ({ hold }) => hold?.code === 'account.limit');
      expect(job).toMatchObject({
        ...NO_BUDGET_SPENT,
        verdict: 'usage_limit',
        error: expect.stringContaining('limit'),
      });
      const account = await here.account();
      expect(account).toMatchObject({ hold: { code: 'account.limit' }, breaker: { failures: 0 } });
      expect(Math.abs(Date.parse(account?.hold?.until ?? '') - reset * 1000)).toBeLessThanOrEqual(60_000);
      expect(Date.parse(job.hold?.clearsAt ?? '')).toBe(Date.parse(account?.hold?.until ?? ''));
      expect(api.turns().map((turn) => turn.credentials)).toEqual([
        [{ header: 'authorization', fingerprint: fingerprintOf(FAKE_TOKEN) }],
      ]);
    });

    it('a CLI that is logged out asks nobody, and holds the account', async () => {
      api.load({ replies: [WORK, END] });
      const env = { ORCH_PREFLIGHT_CHECK_AUTH: 'false', ORCH_PROBE_INTERVAL_SECONDS: '3600' };
      const key = await begin({ credential: {}, env });
      expect(await here.jobWhere(key, (job) => job.hold?.code === 'account.signed_out')).toMatchObject({
        ...NO_BUDGET_SPENT,
        verdict: 'auth',
        error: expect.stringContaining('/login'),
      });
      expect(await here.account()).toMatchObject({
        hold: { code: 'account.signed_out' },
        breaker: { failures: 0 },
      });
      expect(await here.runs()).toHaveLength(1);
      expect(api.requests()).toEqual([]);
    });
  });
});
