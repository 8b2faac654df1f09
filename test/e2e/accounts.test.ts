import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Installation, install, LOGIN, VALID_RESULT, waitFor } from '../support/orch.ts';
import { projectRoot } from '../support/requirements.ts';

interface StateCase {
  readonly name: string;
  readonly env: Record<string, string>;
  readonly files: Record<string, unknown>;
  readonly verdict: string;
  readonly extra_args?: string[];
}

const { cases } = JSON.parse(
  readFileSync(join(projectRoot, 'test/fixtures/agent-auth-states.json'), 'utf8'),
) as { cases: StateCase[] };
const signedOut = cases.filter(
  (each) =>
    (each.verdict === 'logged_out' || each.verdict === 'login_needed') && !each.name.startsWith('bare-'),
);

let here: Installation;

/** `{"$now_ms": n}` is now + n in milliseconds, `{"$now_s": n}` in seconds. */
function filled(value: unknown, now: number): unknown {
  if (Array.isArray(value)) return value.map((each) => filled(each, now));
  if (typeof value !== 'object' || value === null) return value;
  if ('$now_ms' in value) return now + Number(value.$now_ms);
  if ('$now_s' in value) return Math.floor(now / 1000) + Number(value.$now_s);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, now)]));
}

/** Home of the account `out-N`, in the given state, and its line of the configuration. */
function accountIn(state: StateCase, n: number): { home: string; line: string } {
  const home = join(here.root, `agent-${n}`);
  mkdirSync(home, { recursive: true });
  for (const [path, content] of Object.entries(state.files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(
      join(home, path),
      typeof content === 'string' ? content : JSON.stringify(filled(content, Date.now())),
    );
  }
  const env = Object.entries({ FAKE_PLAN: join(here.root, 'plan'), ...state.env }).map(
    ([key, value]) => `${key}: ${JSON.stringify(value.replace('${HOME}', home))}`,
  );
  const line = `  out-${n}: { agent: claude-code, home: ${home}, bin: ${here.root}/claude, env: { ${env.join(', ')} } }\n`;
  return { home, line };
}

const enqueue = (repo: string) => here.enqueue({ repo });

/** One service: project `a` with an account that works, and per state a project `b-N` with an account in it. */
describe('projects with an account each, all but one signed out', () => {
  let homes: string[] = [];
  beforeAll(async () => {
    here = install();
    const project = (key: string, account: string) =>
      `  ${key}: { repo: ${here.repository}, accounts: [${account}], pipeline: [{ stage: development, agent: developer, tools: write }] }\n`;
    const accounts = signedOut.map(accountIn);
    homes = accounts.map(({ home }) => home);
    here.writeConfig(`accounts:
  ok: { agent: claude-code, home: ${here.agentHome}, bin: ${here.root}/claude, env: { FAKE_PLAN: "${here.root}/plan" } }
${accounts.map(({ line }) => line).join('')}projects:
${project('a', 'ok')}${homes.map((_, n) => project(`b-${n}`, `out-${n}`)).join('')}`);
    here.scene(0, `echo '${VALID_RESULT}'`);
    await here.up();
  });
  afterAll(() => here.remove());

  it('covers every recorded state that cannot start', () => {
    expect(signedOut.length).toBeGreaterThan(10);
  });

  it.each(signedOut.map((state, n) => [state.name, state, n] as const))(
    '%s: the other project finishes, nothing is spent, and the login starts the held job within 1 s',
    async (_name, state, n) => {
      await waitFor(async () => (await here.runs()).every(({ status }) => status !== 'running'));
      const before = here.calls();
      const [held, free] = [await enqueue(`b-${n}`), await enqueue('a')];
      await waitFor(async () => (await here.job(free)).status === 'done');
      const waiting = await here.job(held);
      expect(waiting).toMatchObject({
        status: 'queued',
        attempts: 0,
        transientAttempts: 0,
        lostAttempts: 0,
        hold: { code: 'account.signed_out', state: 'needs_you' },
      });
      expect(here.row('SELECT breaker_failures FROM accounts WHERE id = ?', `out-${n}`)).toEqual({
        breaker_failures: 0,
      });
      expect(here.calls()).toBe(before + 1);

      const home = homes[n] ?? '';
      const folder = join(home, state.env['CLAUDE_CONFIG_DIR'] === undefined ? '.claude' : 'cfg');
      mkdirSync(folder, { recursive: true });
      const signedInAt = Date.now();
      writeFileSync(join(folder, '.credentials.json'), JSON.stringify(LOGIN));
      const started = await waitFor(() =>
        here.row<{ started_at: number | null }>(
          'SELECT started_at FROM jobs WHERE id = ? AND started_at IS NOT NULL',
          Number(held.slice('job_'.length)),
        ),
      );
      expect((started.started_at ?? 0) - signedInAt).toBeLessThan(1000);
      await waitFor(async () => (await here.job(held)).status === 'done');
    },
  );
});

describe('an account that is refused while it runs', () => {
  afterEach(() => here.remove());
  it('is held after one run, and no other job of it is started', async () => {
    here = install({ env: { ORCH_PROBE_INTERVAL_SECONDS: '3600' } });
    here.scene(0, `echo 'Failed to authenticate: OAuth session expired and could not be refreshed'; exit 1`);
    await here.up({ ORCH_MAX_CONCURRENCY: '1' });
    const ids = [await enqueue('p'), await enqueue('p'), await enqueue('p')];
    await waitFor(async () => (await here.job(ids[0] ?? '')).hold?.code === 'account.signed_out');
    for (const id of ids) expect(await here.job(id)).toMatchObject({ status: 'queued', attempts: 0 });
    expect(here.calls()).toBe(1);
    const why = await here.orch('why');
    expect(why.code).toBe(7);
    expect(why.stdout).toContain('Account claude-a is signed out');
    expect(why.stdout).toContain('orch accounts login claude-a');
  });

  it('recovers when the credentials change, and the held jobs finish', async () => {
    here = install({ env: { ORCH_PROBE_INTERVAL_SECONDS: '3600' } });
    here.scene(1, `echo 'Not logged in. Please run /login'; exit 1`);
    here.scene(0, `echo '${VALID_RESULT}'`);
    await here.up();
    const id = await enqueue('p');
    await waitFor(async () => (await here.job(id)).hold?.code === 'account.signed_out');
    here.signIn({ claudeAiOauth: { ...LOGIN.claudeAiOauth, accessToken: 'sk-ant-oat01-NEW' } });
    await waitFor(async () => (await here.job(id)).status === 'done');
    expect(await here.job(id)).toMatchObject({ attempts: 1 });
  });
});

describe('a usage limit', () => {
  afterEach(() => here.remove());
  it('holds the account until the stated reset and gives the attempt back', async () => {
    here = install();
    const reset = Math.floor(Date.now() / 1000) + 7200;
    here.scene(
      0,
      `echo '{"type":"result","subtype":"success","is_error":true,"result":"Claude AI usage limit reached|${reset}"}'; exit 1`,
    );
    await here.up();
    const id = await enqueue('p');
    const job = await waitFor(async () => {
      const seen = await here.job(id);
      return seen.hold?.code === 'account.limit' ? seen : null;
    });
    expect(job).toMatchObject({
      status: 'queued',
      attempts: 0,
      hold: { state: 'waiting', clearsAt: new Date(reset * 1000).toISOString() },
    });
    expect(here.calls()).toBe(1);
  });
});

describe('a login that cannot renew itself for long', () => {
  afterEach(() => here.remove());
  const DAY = 24 * 3_600_000;
  const login = (endsAt: number) => ({
    claudeAiOauth: { ...LOGIN.claudeAiOauth, refreshTokenExpiresAt: endsAt },
  });
  const told = () =>
    here
      .rows<{ message: string }>(
        `SELECT message FROM outbox WHERE order_key = 'notify:expiring:claude-a' ORDER BY id`,
      )
      .map(({ message }) => JSON.parse(message) as { kind: string; title?: string; detail?: string });

  it('is told of in time on every surface, holds nothing, and is over with a new login', async () => {
    here = install();
    here.scene(0, `echo '${VALID_RESULT}'`);
    const endsAt = Date.now() + 2 * DAY + 3_600_000;
    here.signIn(login(endsAt));
    const service = await here.up();
    await waitFor(() => told().some(({ kind }) => kind === 'notify.incident'));
    const id = await enqueue('p');
    await waitFor(async () => (await here.job(id)).status === 'done');

    const [account] = await here.accounts();
    expect(account).toMatchObject({
      hold: null,
      warnings: [
        {
          code: 'account.expiring',
          account: 'claude-a',
          title: 'Sign-in of claude-a ends in 2 days',
          at: new Date(endsAt).toISOString(),
          fix: 'orch accounts login claude-a',
        },
      ],
    });
    const line = 'Sign-in of claude-a ends in 2 days: orch accounts login claude-a';
    expect((await here.orch('status')).stdout).toContain(line);
    expect((await here.orch('accounts')).stdout).toContain('Sign-in of claude-a ends in 2 days');

    await service.down();
    await here.up();
    here.signIn(login(endsAt - 2 * DAY));
    await waitFor(() => told().length === 2);
    expect(told().map(({ kind, title }) => [kind, title])).toEqual([
      ['notify.incident', 'Sign-in of claude-a ends in 2 days'],
      ['notify.incident', 'Sign-in of claude-a ends in 1 hour'],
    ]);
    here.signIn(login(Date.now() + 30 * DAY));
    await waitFor(() => told().at(-1)?.kind === 'notify.resolved');
    expect((await here.accounts())[0]?.warnings).toEqual([]);
    expect((await here.orch('status')).stdout).not.toContain('Sign-in of');
  });
});
