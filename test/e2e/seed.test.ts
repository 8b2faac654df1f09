import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTelegram } from '../fakes/telegram.ts';
import {
  handIn,
  type Installation,
  type InstallOptions,
  install,
  LOGIN,
  UNTIL_GO,
  VALID_RESULT,
  waitFor,
} from '../support/orch.ts';
import { projectRoot } from '../support/requirements.ts';

/** Each row of the seed's contract, on real processes and a real database. */
let telegram: Awaited<ReturnType<typeof startTelegram>>;
let here: Installation;

beforeEach(async () => {
  telegram = await startTelegram();
});
afterEach(async () => {
  await here?.remove();
  await telegram.close();
});

function setUp(options: InstallOptions = {}): Installation {
  here = install({
    ...options,
    env: {
      ORCH_TELEGRAM_BOT_TOKEN: '123:TEST',
      ORCH_TELEGRAM_CHAT_ID: '1',
      ORCH_TELEGRAM_API_URL: telegram.url,
      ...options.env,
    },
  });
  return here;
}

function remoteCommits(branch: string): string[] {
  return execFileSync('git', ['-C', here.repository, 'log', '--format=%s', branch], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .trim()
    .split('\n');
}

const DEVELOPED = handIn({ outcome: 'done' }, `echo "export const n = '$ORCH_RUN_ID';" > src/new.js`);

describe('S1 preflight before each claim', () => {
  it('claims nothing for an account whose CLI does not answer --version, and says why', async () => {
    setUp();
    here.scene(0, `echo '${VALID_RESULT}'`);
    execFileSync('sh', ['-c', `echo 'echo broken >&2; exit 3' > ${here.root}/plan/version`]);
    await here.up();
    const id = await here.enqueue();
    const job = await waitFor(async () => {
      const seen = await here.job(id);
      return seen.hold?.code === 'gate.failed' ? seen : null;
    });
    expect(job).toMatchObject({ status: 'queued', attempts: 0 });
    expect(here.calls()).toBe(0);
  });

  it('drops the cached result at once when the credentials file changes', async () => {
    setUp({ env: { ORCH_PREFLIGHT_CACHE_TTL: '3600' } });
    here.scene(0, `echo '${VALID_RESULT}'`);
    here.signIn(null);
    await here.up();
    const id = await here.enqueue();
    await waitFor(async () => (await here.job(id)).hold?.code === 'account.signed_out');
    const signedInAt = Date.now();
    here.signIn();
    await waitFor(() => here.calls() === 1);
    // The cache would hold for an hour.
    expect(Date.now() - signedInAt).toBeLessThan(20_000);
  });
});

describe('S2 credentials file', () => {
  it.each([
    ['missing', null],
    ['not JSON', '{not json'],
    ['without claudeAiOauth', { other: {} }],
    [
      'expired, nothing to refresh with',
      { claudeAiOauth: { ...LOGIN.claudeAiOauth, refreshToken: '', expiresAt: Date.now() + 30_000 } },
    ],
  ])('closes the gate when it is %s', async (_case, login) => {
    setUp();
    here.signIn(login);
    here.scene(0, `echo '${VALID_RESULT}'`);
    await here.up();
    const id = await here.enqueue();
    const job = await waitFor(async () => {
      const seen = await here.job(id);
      return seen.hold?.code === 'account.signed_out' ? seen : null;
    });
    expect(job).toMatchObject({ status: 'queued', attempts: 0, transientAttempts: 0 });
    expect(here.calls()).toBe(0);
  });

  it('opens it when there is no expiresAt', async () => {
    setUp();
    here.signIn({ claudeAiOauth: { ...LOGIN.claudeAiOauth, expiresAt: undefined } });
    here.scene(0, `echo '${VALID_RESULT}'`);
    await here.up();
    const id = await here.enqueue();
    await waitFor(async () => (await here.job(id)).status === 'done');
  });
});

describe('S3 and S4 a sign-in failure in a run is a gate', () => {
  it('judges the gate anew, spends nothing and keeps the job in its place', async () => {
    setUp({ env: { ORCH_PROBE_INTERVAL_SECONDS: '3600' } });
    here.scene(0, `echo 'Not logged in. Please run /login'\nexit 1`);
    await here.up();
    const id = await here.enqueue();
    const job = await waitFor(async () => {
      const seen = await here.job(id);
      return seen.verdict === 'auth' ? seen : null;
    });
    expect(job).toMatchObject({
      status: 'queued',
      attempts: 0,
      transientAttempts: 0,
      lostAttempts: 0,
      availableAt: null,
    });
    const [account] = await here.accounts();
    expect(account).toMatchObject({ hold: { code: 'account.signed_out' }, breaker: { failures: 0 } });
    await waitFor(() => telegram.sent().length === 1);
    expect(here.calls()).toBe(1);
  });
});

describe('S5 ORCH_PREFLIGHT_CHECK_AUTH=false', () => {
  it('makes the preflight look at the version only', async () => {
    setUp({ env: { ORCH_PREFLIGHT_CHECK_AUTH: 'false' } });
    here.signIn(null);
    here.scene(0, `echo '${VALID_RESULT}'`);
    await here.up();
    const id = await here.enqueue();
    await waitFor(async () => (await here.job(id)).status === 'done');
  });
});

describe('S6 exit code 0 is not success', () => {
  it.each([
    ['an empty log', ':', 'empty run log'],
    ['a blank log', `printf '\\n  \\n'`, 'empty run log'],
    ['a log without result JSON', 'echo all good, really', 'no result JSON'],
    ['a missing log', 'rm -f "$FAKE_RUN_LOG" "$(dirname "$TMPDIR")/run.log"', 'missing run log'],
  ])(
    'exit 0 with %s and one attempt fails the job with the reason and an alert',
    async (_case, scene, reason) => {
      setUp();
      here.scene(0, `${scene}\nexit 0`);
      await here.up();
      const id = await here.enqueue({ maxAttempts: 1 });
      const job = await waitFor(async () => {
        const seen = await here.job(id);
        return seen.status === 'failed' ? seen : null;
      });
      expect(job.error).toContain(reason);
      await waitFor(() => telegram.sent().length === 1);
      expect(telegram.sent()[0]?.text).toContain(reason);
      expect(here.row('SELECT exit_code, result_ok FROM agent_runs')).toEqual({ exit_code: 0, result_ok: 0 });
    },
  );

  it('keeps the true exit code beside a valid result that did not end well', async () => {
    setUp();
    here.scene(0, `echo '${VALID_RESULT}'\nexit 3`);
    await here.up();
    const id = await here.enqueue({ maxAttempts: 1 });
    await waitFor(async () => (await here.job(id)).status === 'failed');
    expect(here.row('SELECT exit_code FROM agent_runs')).toEqual({ exit_code: 3 });
  });

  it('accepts text before the smallest result line', async () => {
    setUp();
    here.scene(0, `echo 'warming up'\necho '${VALID_RESULT}'`);
    await here.up();
    const id = await here.enqueue();
    await waitFor(async () => (await here.job(id)).status === 'done');
    expect(here.row('SELECT input_tokens, output_tokens, cost_micro_usd, result_ok FROM agent_runs')).toEqual(
      { input_tokens: 120, output_tokens: 45, cost_micro_usd: 120_000, result_ok: 1 },
    );
  });
});

describe('S7 not ok', () => {
  it('alerts once and edits that message, without advance or usage comment', async () => {
    setUp();
    here.scene(0, 'exit 0');
    await here.up();
    const key = await here.submit('Greet');
    await waitFor(async () => (await here.task(key)).status === 'needs_you');
    await waitFor(() =>
      telegram.calls.some(
        (call) => call.method === 'editMessageText' && call.text.includes('attempt 3 of 3'),
      ),
    );
    expect(telegram.sent()).toHaveLength(1);
    expect(await here.task(key)).toMatchObject({
      stage: 'development',
      jobs: [{ status: 'failed', attempts: 3 }],
    });
    expect(here.rows('SELECT * FROM work_item_comments')).toEqual([]);
  });
});

describe('S8 permanent failure path', () => {
  it('queues again at once while attempts are left', async () => {
    setUp();
    here.scene(1, 'exit 0');
    here.scene(0, `sleep 30; echo '${VALID_RESULT}'`);
    await here.up();
    const id = await here.enqueue();
    await waitFor(() => here.calls() === 2);
    const job = await here.job(id);
    expect(job).toMatchObject({
      status: 'running',
      attempts: 2,
      transientAttempts: 0,
      availableAt: null,
      error: 'empty run log',
    });
  });

  it('goes back to queued with its reason when nothing may start it', async () => {
    setUp();
    here.scene(0, `${UNTIL_GO}echo no json here`);
    await here.up();
    const id = await here.enqueue();
    await waitFor(() => here.calls() === 1);
    await here.orch('pause');
    here.go();
    const job = await waitFor(async () => {
      const seen = await here.job(id);
      return seen.status === 'queued' ? seen : null;
    });
    expect(job).toMatchObject({
      attempts: 1,
      transientAttempts: 0,
      availableAt: null,
      hold: { code: 'dispatch.paused' },
    });
    expect(job.error).toContain('no result JSON');
  });
});

describe('S9 transient failure path', () => {
  it('honours Retry-After, in its own budget', async () => {
    setUp();
    here.scene(0, `echo 'overloaded_error: 429 rate limit. Retry-After: 12'\nexit 1`);
    await here.up();
    const id = await here.enqueue();
    const job = await waitFor(async () => {
      const seen = await here.job(id);
      return seen.transientAttempts === 1 ? seen : null;
    });
    expect(job).toMatchObject({ status: 'queued', attempts: 0, verdict: 'transient' });
    const delay = Date.parse(job.availableAt ?? '') - Date.now();
    expect(delay).toBeGreaterThan(8000);
    expect(delay).toBeLessThanOrEqual(12_000);
  });

  it('fails when that budget is spent, and feeds the breaker', async () => {
    setUp({ env: { ORCH_MAX_TRANSIENT_ATTEMPTS: '2', ORCH_BACKOFF_BASE_SECONDS: '0.05' } });
    here.scene(0, `echo 'API Error: 529 overloaded'\nexit 1`);
    await here.up();
    const id = await here.enqueue();
    const job = await waitFor(async () => {
      const seen = await here.job(id);
      return seen.status === 'failed' ? seen : null;
    });
    expect(job).toMatchObject({ attempts: 0, transientAttempts: 2 });
    expect(here.row('SELECT breaker_failures FROM accounts')).toEqual({ breaker_failures: 2 });
  });
});

describe('S10 no job stays running without a live run', () => {
  it('settles a run that ended while the service was away', async () => {
    setUp();
    here.scene(0, `${UNTIL_GO}echo '${VALID_RESULT}'`);
    const service = await here.up();
    const id = await here.enqueue();
    await waitFor(() => here.calls() === 1);
    await service.kill();
    here.go();
    await waitFor(() =>
      here
        .rows<{ directory: string }>('SELECT directory FROM agent_runs')
        .every((run) => readable(join(run.directory, 'exit.json'))),
    );
    expect(here.row('SELECT status FROM jobs')).toEqual({ status: 'running' });
    await here.up();
    await waitFor(async () => (await here.job(id)).status === 'done');
    expect(here.calls()).toBe(1);
  });
});

describe('S11 and S12 success', () => {
  it('comments the usage once, advances once, commits and pushes by Orch, and alerts nobody', async () => {
    setUp({
      pipeline:
        '      - { stage: development, agent: developer, tools: write }\n      - { stage: accept, kind: human, reviewers: [mara] }',
    });
    here.scene(0, DEVELOPED);
    await here.up();
    const key = await here.submit('Greet');
    const done = await waitFor(async () => {
      const seen = await here.task(key);
      return seen.stage === 'accept' ? seen : null;
    });
    expect(done.jobs.map((job) => [job.stage, job.status])).toEqual([
      ['development', 'done'],
      ['accept', 'queued'],
    ]);
    await waitFor(() => here.rows('SELECT * FROM work_item_comments').length === 1);
    const [comment] = here.rows<{ body: string }>('SELECT body FROM work_item_comments');
    expect(comment?.body).toContain('120 tokens in, 45 out, $0.12');
    expect(remoteCommits(done.branch)[0]).toContain(key);
    expect(done.head).toHaveLength(40);
    const alerts = telegram.calls.filter((call) => !call.text.includes('Approve'));
    expect(alerts).toEqual([]);
  });

  it('makes no commit and no push when a job without a task changed nothing', async () => {
    setUp();
    here.scene(0, `echo '${VALID_RESULT}'`);
    await here.up();
    const id = await here.enqueue();
    await waitFor(async () => (await here.job(id)).status === 'done');
    expect(
      execFileSync('git', ['-C', here.repository, 'branch', '--list', 'orch/*'], { encoding: 'utf8' }),
    ).toBe('');
  });

  it('keeps the work of a run that is not ok in the worktree, salvaged and not pushed', async () => {
    setUp();
    here.scene(0, `echo precious > kept.txt\nexit 0`);
    await here.up();
    const id = await here.enqueue({ maxAttempts: 1 });
    await waitFor(async () => (await here.job(id)).status === 'failed');
    expect(readFileSync(join(here.home, 'worktrees', 'p', 'job-1', 'kept.txt'), 'utf8')).toBe('precious\n');
    const refs = execFileSync(
      'git',
      ['-C', join(here.home, 'repos', 'p.git'), 'for-each-ref', '--format=%(refname)', 'refs/orch/salvage'],
      { encoding: 'utf8' },
    );
    expect(refs).toContain('refs/orch/salvage/run_1');
    expect(() => remoteCommits('orch/job-1')).toThrow();
  });
});

describe('S13 someone is told', () => {
  it('tells when a task is done, in a digest', async () => {
    setUp({
      pipeline:
        '      - { stage: development, agent: developer, tools: write }\n      - { stage: review, agent: reviewer, tools: read, merge: auto }',
    });
    here.scene(1, DEVELOPED);
    here.scene(2, handIn({ outcome: 'approve' }));
    await here.up();
    const key = await here.submit('Greet');
    const state = await waitFor(async () => {
      const seen = await here.task(key);
      return seen.status === 'active' ? null : seen;
    });
    if (state.reason?.code === 'approval.pending') await here.orch('approve', key);
    await waitFor(async () => (await here.task(key)).status === 'done');
    const told = here.rows<{ message: string; available_at: number }>(
      `SELECT message, available_at FROM outbox WHERE message LIKE '%notify.digest%'`,
    );
    expect(told).toHaveLength(1);
    expect(told[0]?.message).toContain(`${key} done`);
  });
});

describe('S14 enqueue and claim', () => {
  it('increments nothing on enqueue, and goes by priority, then age, inside a project', async () => {
    setUp({ projectExtra: '', env: { ORCH_MAX_CONCURRENCY: '1' } });
    here.scene(0, `echo '${VALID_RESULT}'`);
    await here.up();
    await here.orch('pause');
    const first = await here.enqueue();
    const second = await here.enqueue();
    const urgent = await here.enqueue({ priority: 5 });
    expect(await here.job(first)).toMatchObject({ status: 'queued', attempts: 0 });
    await here.orch('resume');
    await waitFor(() => here.rows(`SELECT 1 FROM jobs WHERE status = 'done'`).length === 3);
    const order = here
      .rows<{ job_id: number }>('SELECT job_id FROM agent_runs ORDER BY id')
      .map((run) => `job_${run.job_id}`);
    expect(order).toEqual([urgent, first, second]);
    expect(await here.job(first)).toMatchObject({ attempts: 1 });
  });
});

describe('S15 tables', () => {
  it('has the columns that operators query', async () => {
    setUp();
    await here.up();
    for (const sql of [
      'SELECT work_item_id, repo, branch, stage FROM tasks',
      'SELECT agent, repo, status, attempts, max_attempts, transient_attempts, available_at, error FROM jobs',
      'SELECT task_id, agent, exit_code FROM agent_runs',
    ])
      expect(here.rows(sql)).toEqual([]);
  });
});

describe('S16 effort, model and fallback model per stage', () => {
  it('reach the command line', async () => {
    setUp({
      pipeline:
        '      - { stage: development, agent: developer, tools: write, effort: high, model: opus, fallback_model: sonnet }',
    });
    here.scene(0, DEVELOPED);
    await here.up();
    await here.submit('Greet');
    await waitFor(() => here.calls() === 1);
    const argv = here.call(1).argv.split('\n');
    expect(argv.slice(argv.indexOf('--effort'), argv.indexOf('--effort') + 2)).toEqual(['--effort', 'high']);
    expect(argv[argv.indexOf('--model') + 1]).toBe('opus');
    expect(argv[argv.indexOf('--fallback-model') + 1]).toBe('sonnet');
  });
});

describe('S17 documents', () => {
  it.each(['docs/INFRA.md', 'docs/internals.md', 'CHANGELOG.md'])(
    '%s tells operators of gates, budgets and evidence',
    (file) => {
      const text = readFileSync(join(projectRoot, file), 'utf8');
      for (const word of ['sign-in', 'Retry-After', 'exit code 0', 'ORCH_PREFLIGHT_CHECK_AUTH'])
        expect(text, `${file}: ${word}`).toContain(word);
    },
  );
});

function readable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
