import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AccountWire } from '../../src/http/contract.ts';
import { type Installation, install, UNTIL_GO, VALID_RESULT, waitFor } from '../support/orch.ts';
import { projectRoot } from '../support/requirements.ts';

const RECORDED = '2.1.330';
const NEW = '2.1.400';
const SUCCESS = `echo '${VALID_RESULT}'\n`;
/** Structured, a failure by its own word, and nothing that was ever recorded. */
const ODD = `echo '{"type":"system","subtype":"init","session_id":"s","claude_code_version":"${NEW}"}'
echo '{"type":"result","subtype":"error_in_the_moon_phase","is_error":true,"account":"mara@example.org","api_key":"sk-ant-api03-SECRETSECRET","result":"the moon is wrong"}'
exit 1
`;

let here: Installation;
beforeEach(() => {
  here = install({ env: { ORCH_PROBE_INTERVAL_SECONDS: '3600' } });
  place(RECORDED);
  place(NEW);
});
afterEach(() => here.remove());

const binaryOf = (version: string) => join(here.root, 'versions', version, 'claude');

/** A fake CLI of this version that also notes which binary ran. */
function place(version: string): void {
  mkdirSync(join(here.root, 'versions', version), { recursive: true });
  const fake = readFileSync(join(projectRoot, 'test/fakes/claude.sh'), 'utf8');
  writeFileSync(
    binaryOf(version),
    fake.replaceAll(RECORDED, version).replace('n=1\n', `echo ${version} >>"$FAKE_PLAN/versions"\nn=1\n`),
  );
  chmodSync(binaryOf(version), 0o755);
}

/** As an updater does: the configured path is a link to the version. */
function update(version: string): void {
  rmSync(join(here.root, 'claude'), { force: true });
  symlinkSync(binaryOf(version), join(here.root, 'claude'));
}

function ran(): string[] {
  const file = join(here.root, 'plan', 'versions');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

async function enqueue(count: number, project = 'p'): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const queued = await here.post<{ job: { id: string } }>('/jobs', { agent: 'developer', repo: project });
    if ('job' in queued) ids.push(queued.job.id);
  }
  expect(ids).toHaveLength(count);
  return ids;
}

const statuses = async (ids: readonly string[]) =>
  Promise.all(ids.map(async (id) => (await here.job(id)).status));
const allDone = async (ids: readonly string[]) => (await statuses(ids)).every((status) => status === 'done');
async function account(id = 'claude-a'): Promise<AccountWire> {
  const found = (await here.accounts()).find((each) => each.id === id);
  if (found === undefined) throw new Error(`no account ${id}`);
  return found;
}

describe('a CLI whose version changes', () => {
  it('of a recorded version needs no canary on a fresh installation: two start at once', async () => {
    here.scene(0, `${UNTIL_GO}${SUCCESS}`);
    await here.up();
    const ids = await enqueue(2);
    await waitFor(() => here.calls() === 2);
    here.go();
    await waitFor(() => allDone(ids));
    expect((await here.runs()).map(({ cli }) => cli)).toEqual([
      { kind: 'claude-code', version: RECORDED },
      { kind: 'claude-code', version: RECORDED },
    ]);
  });

  it('starts exactly one run on the new one; when it succeeds the rest start, and it stays proven', async () => {
    update(RECORDED);
    here.scene(1, `${UNTIL_GO}${SUCCESS}`);
    here.scene(0, SUCCESS);
    await here.up();
    update(NEW);
    const ids = await enqueue(4);
    await waitFor(() => here.calls() === 1);
    const waiting = await waitFor(async () => {
      const jobs = await Promise.all(ids.map((id) => here.job(id)));
      return jobs.find(({ hold }) => hold?.code === 'agent.unproven_version') ?? null;
    });
    expect(waiting.hold).toMatchObject({ state: 'waiting', detail: expect.stringContaining(NEW) });
    expect(await account()).toMatchObject({ cli: { version: NEW, proven: false }, running: 1 });
    expect(here.calls()).toBe(1);
    here.go();
    await waitFor(() => allDone(ids));
    expect(new Set(ran())).toEqual(new Set([NEW]));
    expect(await account()).toMatchObject({ cli: { version: NEW, proven: true }, hold: null });
    expect(here.row('SELECT kind, version, bin FROM cli_versions')).toEqual({
      kind: 'claude-code',
      version: NEW,
      bin: binaryOf(NEW),
    });
  });

  it('is tried again at once after a canary that failed in a known way, still one run at a time', async () => {
    update(NEW);
    here.scene(1, '');
    here.scene(2, `${UNTIL_GO}${SUCCESS}`);
    here.scene(0, SUCCESS);
    await here.up();
    const ids = await enqueue(3);
    await waitFor(async () => here.calls() === 2);
    expect(await account()).toMatchObject({ cli: { version: NEW, proven: false }, running: 1, hold: null });
    here.go();
    await waitFor(() => allDone(ids));
    expect(await account()).toMatchObject({ cli: { proven: true } });
  });
});

describe('a new version that ends in a way no rule knows', () => {
  /** One success on the recorded version, then an update, and the unknown end. */
  async function heldBy(): Promise<string[]> {
    update(RECORDED);
    here.scene(1, SUCCESS);
    here.scene(2, ODD);
    here.scene(0, SUCCESS);
    await here.up();
    const first = await enqueue(1);
    await waitFor(() => allDone(first));
    update(NEW);
    const ids = await enqueue(2);
    await waitFor(() => isHeld(ids));
    return ids;
  }
  /** As the scheduler sees it, by its reason. */
  const isHeld = async ([id = '']: readonly string[]) => {
    const { hold } = await here.job(id);
    return hold?.code === 'agent.unproven_version' && hold.state === 'needs_you';
  };

  it('holds its account; other accounts go on; trust lets it go on, and is remembered', async () => {
    const other = join(here.root, 'agent-b');
    mkdirSync(join(other, '.claude'), { recursive: true });
    writeFileSync(
      join(other, '.claude', '.credentials.json'),
      readFileSync(join(here.agentHome, '.claude', '.credentials.json')),
    );
    const config = readFileSync(join(here.root, 'orch.yaml'), 'utf8');
    here.writeConfig(
      `${config.replace(
        '\nprojects:\n',
        `\n  claude-b: { agent: claude-code, home: ${other}, bin: ${binaryOf(RECORDED)}, env: { FAKE_PLAN: "${here.root}/plan" } }\nprojects:\n`,
      )}  q:\n    repo: ${here.repository}\n    accounts: [claude-b]\n    pipeline:\n      - { stage: development, agent: developer, tools: write }\n`,
    );
    const ids = await heldBy();
    const held = await here.job(ids[0] ?? '');
    expect(held).toMatchObject({ status: 'queued', attempts: 0, hold: { state: 'needs_you' } });
    expect(held.hold?.detail).toBe(
      `claude-code ${NEW} is new here, and run_2 ended in a way that no rule knows (the moon is wrong); last good version: ${RECORDED}`,
    );
    const why = await here.orch('why');
    expect(why.code).toBe(7);
    expect(why.stdout).toContain('orch accounts trust claude-a, or orch accounts use-last-good claude-a');
    expect(here.calls()).toBe(2);

    const elsewhere = await enqueue(1, 'q');
    await waitFor(() => allDone(elsewhere));
    expect(ran()).toEqual([RECORDED, NEW, RECORDED]);

    const trusted = await here.orch('accounts', 'trust', 'claude-a');
    expect([trusted.code, trusted.stderr]).toEqual([0, '']);
    await waitFor(() => allDone(ids));
    expect(ran()).toEqual([RECORDED, NEW, RECORDED, NEW, NEW]);
    expect(
      here.row(`SELECT trusted_by, trusted_at > 0 AS at FROM cli_versions WHERE version = ?`, NEW),
    ).toMatchObject({ trusted_by: expect.any(String), at: 1 });
    expect(here.row(`SELECT action, target FROM audit WHERE action = 'trust'`)).toEqual({
      action: 'trust',
      target: `account:claude-a claude-code ${NEW}`,
    });
    expect((await here.orch('accounts', 'trust', 'claude-a')).stderr).toContain('is proven already');
  });

  it('keeps the end of its log, redacted and fit to be judged again, once', async () => {
    await heldBy();
    const [folder, ...others] = here
      .rows<{ message: string }>(`SELECT message FROM outbox WHERE key LIKE 'notify:shape:%'`)
      .map(
        ({ message }) =>
          /Kept, redacted: (.*)$/.exec((JSON.parse(message) as { detail: string }).detail)?.[1],
      );
    expect(others).toEqual([]);
    if (folder === undefined) throw new Error('the alert does not say where it is kept');
    rmSync(join(here.home, 'runs'), { recursive: true });
    const log = readFileSync(join(folder, 'stdout.log'), 'utf8');
    expect(log).toContain('error_in_the_moon_phase');
    expect(log).not.toContain('SECRETSECRET');
    expect(log).not.toContain('mara@example.org');
    expect(JSON.parse(readFileSync(join(folder, 'shape.json'), 'utf8'))).toMatchObject({
      agent: 'claude-code',
      version: NEW,
      run: 'run_2',
      exitCode: 1,
    });
    const again = await here.json<{ verdict: string; unknownShape: string }>(
      ...['verdict', '--agent', 'claude-code', '--exit-code', '1'],
      ...['--stdout', join(folder, 'stdout.log'), '--stderr', join(folder, 'stderr.log')],
    );
    expect(again).toMatchObject({ verdict: 'permanent', rule: 'claude.unknown' });
    expect(folder.endsWith(again.unknownShape.replace(':', '-'))).toBe(true);
  });

  it('goes back to the binary of the last good version, until a person trusts the new one', async () => {
    const ids = await heldBy();
    const back = await here.orch('accounts', 'use-last-good', 'claude-a');
    expect([back.code, back.stderr]).toEqual([0, '']);
    await waitFor(() => allDone(ids));
    expect(ran()).toEqual([RECORDED, NEW, RECORDED, RECORDED]);
    expect((await account()).cli).toMatchObject({
      version: RECORDED,
      proven: true,
      lastGood: { version: RECORDED, bin: binaryOf(RECORDED), insteadOf: join(here.root, 'claude') },
    });
    expect((await here.orch('accounts')).stdout).toContain(`claude-a runs ${binaryOf(RECORDED)}`);
    expect((await here.orch('accounts', 'use-last-good', 'claude-a')).stderr).toContain('already');

    await here.orch('accounts', 'trust', 'claude-a');
    const [last] = await enqueue(1);
    await waitFor(() => allDone([last ?? '']));
    expect(ran().at(-1)).toBe(NEW);
    expect((await account()).cli).toMatchObject({ version: NEW, proven: true, lastGood: null });
  });

  it('goes by orch.yaml again once it names another binary, and says so when the chosen one is gone', async () => {
    await heldBy();
    await here.post('/accounts/claude-a/use-last-good', {});
    await waitFor(async () => (await account()).cli.version === RECORDED);
    await here.post('/pause', { scope: 'project', id: 'p' });
    rmSync(binaryOf(RECORDED));
    const failed = await waitFor(async () => {
      const { hold } = await account();
      return hold?.code === 'gate.failed' ? hold : null;
    });
    expect(failed.detail).toContain(`orch accounts trust claude-a goes back to ${join(here.root, 'claude')}`);

    const config = readFileSync(join(here.root, 'orch.yaml'), 'utf8');
    here.writeConfig(config.replace(`bin: ${join(here.root, 'claude')}\n`, `bin: ${binaryOf(NEW)}\n`));
    await waitFor(async () => {
      const { cli } = await account();
      return cli.version === NEW && cli.lastGood === null;
    });
    expect(here.row(`SELECT pinned FROM accounts WHERE id = 'claude-a'`)).toEqual({ pinned: null });
  });

  it('does not go back to a binary that is gone, or is another version by now', async () => {
    await heldBy();
    place(RECORDED.replace('330', '331'));
    writeFileSync(binaryOf(RECORDED), readFileSync(binaryOf(RECORDED.replace('330', '331'))));
    const replaced = await here.orch('accounts', 'use-last-good', 'claude-a');
    expect(replaced.code).toBe(1);
    expect(replaced.stderr).toContain(`it answers with version ${RECORDED.replace('330', '331')} now`);
    rmSync(binaryOf(RECORDED));
    const gone = await here.orch('accounts', 'use-last-good', 'claude-a');
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain(`claude-code ${RECORDED} is not at ${binaryOf(RECORDED)} any more`);
    expect((await account()).cli.lastGood).toBeNull();
    expect((await account()).hold?.code).toBe('agent.unproven_version');
  });

  it('is let go when the CLI is a proven version again', async () => {
    const ids = await heldBy();
    update(RECORDED);
    await waitFor(() => allDone(ids));
    expect(ran()).toEqual([RECORDED, NEW, RECORDED, RECORDED]);
  });

  it('is tried anew, at once, when the CLI is another new one', async () => {
    const ids = await heldBy();
    place('2.1.401');
    update('2.1.401');
    await waitFor(() => allDone(ids));
    expect(ran()).toEqual([RECORDED, NEW, '2.1.401', '2.1.401']);
    expect(here.rows(`SELECT probe FROM agent_runs`).map((run) => Object.values(run)[0])).toEqual([
      0, 1, 1, 0,
    ]);
  });

  it('says so when nothing is there to go back to', async () => {
    update(NEW);
    here.scene(0, ODD);
    await here.up();
    const ids = await enqueue(1);
    await waitFor(() => isHeld(ids));
    const none = await here.orch('accounts', 'use-last-good', 'claude-a');
    expect(none.stderr).toContain('no run of claude-code has succeeded here on another version');
  });
});

describe('a proven version that ends in a way no rule knows', () => {
  it('costs its job an attempt, as ever, and holds nothing', async () => {
    here.scene(1, ODD.replace(NEW, RECORDED));
    here.scene(0, SUCCESS);
    await here.up();
    const [id = ''] = await enqueue(1);
    await waitFor(() => allDone([id]));
    expect(await here.job(id)).toMatchObject({ attempts: 2 });
    expect(await account()).toMatchObject({ hold: null });
  });
});
