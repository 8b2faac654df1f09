import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Installation, install } from '../support/orch.ts';
import { projectRoot } from '../support/requirements.ts';

/** `orch verdict` and `orch signin` from the command line, without a service and without a database. */
let here: Installation;
beforeEach(() => {
  here = install();
});
afterEach(() => here.remove());

const recordings = join(projectRoot, 'test/fixtures/agent-logs/claude');

interface Judged {
  schema: string;
  verdict: string;
  reason: string;
  rule: string;
  resetAt: string | null;
  retryAfterSeconds: number | null;
  usage: { inputTokens: number };
}

async function judge(name: string, ...more: string[]): Promise<Judged> {
  const folder = join(recordings, name);
  const { exit_code, started_at, time_zone } = JSON.parse(
    readFileSync(join(folder, 'case.json'), 'utf8'),
  ) as Record<string, string>;
  const code = exit_code === null ? [] : ['--exit-code', String(exit_code)];
  return here.json(
    'verdict',
    '--agent',
    'claude-code',
    '--stdout',
    join(folder, 'stdout.log'),
    '--stderr',
    join(folder, 'stderr.log'),
    '--started-at',
    String(started_at),
    '--time-zone',
    String(time_zone),
    ...code,
    ...more,
  );
}

describe('orch verdict', () => {
  it('judges a success, and says what it used', async () => {
    expect(await judge('success-edit-commit-stream', '--commits-added', '1', '--dirty')).toMatchObject({
      schema: 'orch.verdict/1',
      verdict: 'success',
      resetAt: null,
      retryAfterSeconds: null,
    });
  });

  it('tells when a plan limit resets', async () => {
    expect(await judge('usage-limit-5h-stream')).toMatchObject({
      verdict: 'usage_limit',
      resetAt: '2026-11-22T10:59:21.000Z',
    });
  });

  it.each([
    ['orchestrator_timeout', 'stopped-by-own-timeout-stream', 'timeout'],
    ['orchestrator_cancel', 'cancelled-sigint-json', 'cancelled'],
    ['outside', 'success-no-tools-json', 'lost'],
  ])('puts who stopped it (%s) before everything else', async (by, name, verdict) => {
    expect(await judge(name, '--stopped-by', by)).toMatchObject({ verdict });
  });

  it('judges a file that is not there, and an agent that is not in this version', async () => {
    const missing = await here.json<Judged>(
      'verdict',
      '--agent',
      'claude-code',
      '--stdout',
      join(here.root, 'nothing.log'),
    );
    expect(missing).toMatchObject({ verdict: 'permanent', reason: 'missing run log' });
    const other = await here.orch('verdict', '--agent', 'cursor', '--stdout', 'x', '--json');
    expect(other.code).toBe(2);
    expect(JSON.parse(other.stderr)).toMatchObject({ error: { code: 'usage.agent_kind' } });
  });
});

describe('orch verdict and orch signin', () => {
  it.each([
    ['codex', 'usage-limit-json', 'usage_limit', '2026-11-22T11:13:00.000Z'],
    ['opencode', 'transient-429-json', 'transient', null],
    ['gemini', 'auth-not-configured-json', 'auth', null],
    ['copilot', 'success-json', 'success', null],
  ])('judge runs and homes of %s', async (kind, name, verdict, resetAt) => {
    const folder = join(projectRoot, 'test/fixtures/agent-logs', kind, name);
    const { exit_code, started_at } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
    const judged = await here.json<Judged>(
      ...['verdict', '--agent', kind, '--stdout', join(folder, 'stdout.log')],
      ...['--stderr', join(folder, 'stderr.log'), '--exit-code', String(exit_code)],
      ...['--started-at', started_at],
    );
    expect(judged).toMatchObject({ verdict, resetAt, unknownShape: null });
    expect(await here.json('signin', '--agent', kind, '--home', here.agentHome)).toMatchObject({
      state: 'logged_out',
      source: null,
    });
  });
});

describe('orch signin', () => {
  it('judges a home by its files and the environment given, and leaves no trace', async () => {
    const before = readdirSync(here.agentHome, { recursive: true });
    const home = ['signin', '--agent', 'claude-code', '--home', here.agentHome];
    expect(await here.json(...home)).toMatchObject({
      schema: 'orch.signin/1',
      state: 'ready',
      source: 'stored_login',
    });
    expect(await here.json(...home, '--env', 'ANTHROPIC_API_KEY=sk-ant-api03-FAKE', 'X=1')).toMatchObject({
      state: 'ready_expiry_unknown',
      source: 'ANTHROPIC_API_KEY',
      expiresAt: null,
    });
    here.signIn(null);
    expect(await here.json(...home)).toMatchObject({ state: 'logged_out', source: null });
    here.signIn();
    expect(readdirSync(here.agentHome, { recursive: true })).toEqual(before);
    expect(readdirSync(here.home)).toEqual([]);
  });
});
