import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { handIn, type Installation, install, processesMentioning, waitFor } from '../support/orch.ts';

/** Worktrees: slots, setup, teardown and removal. Commands leave what they saw in `seen/` beside them. */
let here: Installation;
afterEach(() => here.remove());

const DEV = '      - { stage: development, agent: developer, tools: write }';
const SEEN = '../../../seen';
const develop = (n: number, extra = '') =>
  handIn({ outcome: 'done' }, `${extra}\necho "export const n = ${n};" > src/new.js`);

function installWith(workspace: string, pipeline = DEV, checks: readonly string[] = []): Installation {
  const made = install({
    pipeline,
    projectExtra: `    workspace: ${workspace}\n    checks: ${JSON.stringify(checks)}`,
  });
  mkdirSync(join(made.home, 'seen'));
  return made;
}

const submit = () => here.submit('Greet');

async function reaches(key: string, status: string): Promise<void> {
  await waitFor(
    async () => (await here.task(key)).status === status,
    60_000,
    async () => (await here.task(key)).jobs.map((job) => [job.stage, job.status, job.error]),
  );
}

const worktree = (name: string) => join(here.home, 'worktrees', 'p', name);
const seen = (name: string) => readFileSync(join(here.home, 'seen', name), 'utf8');
const linesOf = (name: string) => seen(name).trim().split('\n');
const show = (name: string) => writeFileSync(join(here.home, 'seen', name), '');
const git = (...args: string[]) =>
  execFileSync('git', ['-C', join(here.home, 'repos', 'p.git'), ...args], { encoding: 'utf8' }).trim();

function slotIn(env: string): unknown {
  const { ORCH_SLOT, ORCH_PORT_BASE, COMPOSE_PROJECT_NAME } = parseEnv(env);
  return { ORCH_SLOT, ORCH_PORT_BASE, COMPOSE_PROJECT_NAME };
}

const slotOf = (slot: number, key: string) => ({
  ORCH_SLOT: String(slot),
  ORCH_PORT_BASE: String(20_000 + 20 * slot),
  COMPOSE_PROJECT_NAME: expect.stringMatching(new RegExp(`^p-${key.toLowerCase()}-[0-9a-f]{8}$`)),
});

/** Calls of the fake CLI by the task they were for. */
function callsOf(key: string): { env: string; prompt: string }[] {
  return Array.from({ length: here.calls() }, (_, i) => here.call(i + 1)).filter(
    ({ env }) => parseEnv(env)['PWD'] === worktree(key),
  );
}

describe('a slot', () => {
  it('differs between two tasks at once, and is the same in setup, agent and check of each', async () => {
    here = installWith(
      `{ setup: ["env > ${SEEN}/setup-$(basename $PWD)"], env: { COMPOSE_PROJECT_NAME: mine }, env_file: api.env }`,
      DEV,
      [`env > ${SEEN}/check-$(basename $PWD)`],
    );
    writeFileSync(join(here.root, 'api.env'), 'ORCH_SLOT=99\n');
    here.scene(
      0,
      develop(1, `while [ ! -e ${SEEN}/setup-P-1 ] || [ ! -e ${SEEN}/setup-P-2 ]; do sleep 0.05; done`),
    );
    await here.up();
    const keys = [await submit(), await submit()];
    for (const key of keys) await reaches(key, 'needs_you');
    const slots = keys.map((key) => slotIn(seen(`setup-${key}`)));
    const inOrder = [slotOf(0, 'P-1'), slotOf(1, 'P-2')];
    const swapped = [slotOf(1, 'P-1'), slotOf(0, 'P-2')];
    expect([inOrder, swapped]).toContainEqual(slots);
    for (const [i, key] of keys.entries()) {
      expect(callsOf(key).map(({ env }) => slotIn(env))).toEqual([slots[i]]);
      expect(slotIn(seen(`check-${key}`))).toEqual(slots[i]);
    }
  });

  it('stays with its task over runs and a restart of the service', async () => {
    here = installWith('{}');
    here.scene(0, develop(1));
    here.scene(3, develop(2));
    const service = await here.up();
    const [first, second] = [await submit(), await submit()];
    for (const key of [first, second]) await reaches(key, 'needs_you');
    const before = callsOf(second).map(({ env }) => slotIn(env));
    await service.down();
    await here.up();
    await here.orch('reject', second, '--reason', 'n must be 2');
    await waitFor(() => here.calls() === 3);
    await reaches(second, 'needs_you');
    expect(callsOf(second).map(({ env }) => slotIn(env))).toEqual([before[0], before[0]]);
    expect(slotIn(callsOf(first)[0]?.env ?? '')).not.toEqual(before[0]);
  });
});

describe('the worktree of a task', () => {
  it('is torn down once and goes when the task is done; branch, documents and what was unsaved stay', async () => {
    here = installWith(
      `{ teardown: ["env > ${SEEN}/teardown; ls -A >> ${SEEN}/files", "echo $PWD >> ${SEEN}/torn; exit 3"] }`,
    );
    here.scene(0, develop(1, 'mkdir -p .orch-work; echo why > .orch-work/notes.md; echo precious > .env'));
    const service = await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    const slot = slotIn(callsOf(key)[0]?.env ?? '');
    expect(existsSync(worktree(key))).toBe(true);
    for (const name of ['stranger', 'P-99', 'job-99', `${key}-deploy-run_99`]) mkdirSync(worktree(name));
    await here.orch('approve', key);
    await reaches(key, 'done');
    await waitFor(() => !existsSync(worktree(key)));
    expect(slotIn(seen('teardown'))).toEqual(slot);
    expect(linesOf('files')).toEqual(expect.arrayContaining(['.env', 'src']));
    expect(linesOf('torn')).toEqual([worktree(key)]);
    await waitFor(() => service.output().includes('worktree removed'));
    expect(service.output()).toContain('teardown failed');

    const branch = (await here.task(key)).branch;
    expect(git('show', `${branch}:src/new.js`)).toBe('export const n = 1;');
    expect(git('show', `refs/orch/work/${key}:notes.md`)).toBe('why');
    const { salvage } = await here.json<{ salvage: { name: string; key: string; commit: string }[] }>(
      'salvage',
    );
    expect(salvage.map((each) => each.key)).toEqual([key]);
    expect(git('show', `${salvage[0]?.commit}:.env`)).toBe('precious');

    here.scene(0, develop(2));
    const next = await submit();
    await reaches(next, 'needs_you');
    expect(slotIn(callsOf(next)[0]?.env ?? '')).toMatchObject({ ORCH_SLOT: '0' });
    await here.orch('cancel', next);
    await reaches(next, 'cancelled');
    const last = await submit();
    await reaches(last, 'needs_you');
    await here.orch('approve', last);
    await waitFor(() => !existsSync(worktree(last)));
    for (const name of [next, 'stranger', 'P-99', 'job-99', `${key}-deploy-run_99`])
      expect(existsSync(worktree(name))).toBe(true);
  });

  it('is rebuilt for a retry, which waits for a teardown that still runs', async () => {
    here = installWith(
      `{ teardown: ["touch ${SEEN}/tearing; while [ ! -e ${SEEN}/go ]; do sleep 0.05; done"] }`,
    );
    here.scene(1, develop(1, 'mkdir -p .orch-work; echo why > .orch-work/notes.md; touch ignored.log'));
    here.scene(0, develop(2, `cat .orch-work/notes.md > ${SEEN}/notes; ls > ${SEEN}/files`));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    writeFileSync(join(worktree(key), '.git', 'marker'), '');
    await here.orch('approve', key);
    await waitFor(() => existsSync(join(here.home, 'seen', 'tearing')));
    expect((await here.orch('retry', key, '--from-stage', 'development')).code).toBe(0);
    await waitFor(async () => (await here.runs()).some((run) => run.status === 'running'));
    expect(here.calls()).toBe(1);
    expect(existsSync(join(worktree(key), '.git', 'marker'))).toBe(true);
    show('go');
    await waitFor(() => here.calls() === 2);
    await reaches(key, 'needs_you');
    expect(existsSync(join(worktree(key), '.git', 'marker'))).toBe(false);
    expect(seen('notes')).toBe('why\n');
    expect(linesOf('files')).toContain('src');
  });

  it('goes at the next start when Orch was killed in the middle of its teardown', async () => {
    here = installWith(
      `{ teardown: ["echo $$ >> ${SEEN}/tearing; [ -e ${SEEN}/go ] || sleep 600; touch ${SEEN}/torn"] }`,
    );
    here.scene(0, develop(1));
    const service = await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    await here.orch('approve', key);
    await waitFor(() => existsSync(join(here.home, 'seen', 'tearing')));
    await service.kill();
    expect(existsSync(worktree(key))).toBe(true);
    show('go');
    await here.up();
    await waitFor(() => !existsSync(worktree(key)));
    expect(linesOf('tearing')).toHaveLength(2);
    const left = processesMentioning(worktree(key)).filter((pid) => !isGone(pid));
    expect(left).toEqual([]);
  });

  it('goes for a deploy and for a job without a task as well, each torn down in a slot of its own', async () => {
    here = installWith(
      `{ setup: ["touch .ready"], teardown: ["echo $(basename $PWD) $ORCH_SLOT >> ${SEEN}/torn"] }`,
      `${DEV}\n      - { stage: deploy, kind: deploy, approval: required, merge: auto, command: "test -e .ready && env > ${SEEN}/deploy" }`,
    );
    here.scene(0, develop(1));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    await here.orch('approve', key);
    await reaches(key, 'done');
    await here.enqueue();
    await waitFor(() => existsSync(join(here.home, 'seen', 'torn')) && linesOf('torn').length === 3, 30_000);
    await waitFor(() => readdirSync(join(here.home, 'worktrees', 'p')).every((name) => name.startsWith('.')));
    const torn = Object.fromEntries(linesOf('torn').map((line) => line.split(' ') as [string, string]));
    const deploy = (await here.runs()).find((run) => run.agent === null);
    expect(Object.keys(torn)).toEqual(
      expect.arrayContaining([key, `${key}-deploy-${deploy?.id}`, expect.stringMatching(/^job-\d+$/)]),
    );
    expect(torn[`${key}-deploy-${deploy?.id}`]).toBe(parseEnv(seen('deploy'))['ORCH_SLOT']);
    expect(torn[`${key}-deploy-${deploy?.id}`]).not.toBe(torn[key]);
  });
});

describe('setup', () => {
  const INSTALL = `cat web/package-lock.json >> ${SEEN}/installed 2>/dev/null || echo none >> ${SEEN}/installed`;
  const REFUSE = 'if grep -q broken web/package-lock.json 2>/dev/null; then echo no such version; exit 9; fi';

  it("runs again before the checks when the agent changed a lockfile; a failure there is the agent's to mend", async () => {
    here = installWith(`{ setup: ["${INSTALL}", "${REFUSE}"] }`, DEV, [
      `test "$(tail -n 1 ${SEEN}/installed)" = good`,
    ]);
    const lock = (content: string) => `mkdir -p web; echo ${content} > web/package-lock.json`;
    here.scene(1, develop(1, lock('broken')));
    here.scene(2, develop(1, lock('good')));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    const task = await here.task(key);
    expect(task).toMatchObject({ stage: 'merge', jobs: [{ status: 'done', attempts: 2 }, {}] });
    expect((await here.runs())[0]).toMatchObject({
      verdict: 'permanent',
      reason: expect.stringContaining('setup with the changed lockfile'),
    });
    expect(here.call(2).prompt).toContain('no such version');
    expect(linesOf('installed')).toEqual(['none', 'broken', 'broken', 'good']);
  });

  it('that fails on the base still asks a person before a token is spent', async () => {
    here = installWith(`{ setup: ["${REFUSE}", "echo no database; exit 3"] }`);
    here.scene(0, develop(1));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    await here.orch('retry', key);
    await waitFor(async () => (await here.runs()).length === 2);
    await reaches(key, 'needs_you');
    expect((await here.task(key)).reason).toMatchObject({
      code: 'workspace.setup_failed',
      detail: expect.stringContaining('no database'),
    });
    expect(here.calls()).toBe(0);
  });

  it('readies the worktree of a command stage, with the copied files, and asks when it fails', async () => {
    here = installWith(
      `{ copy: ["local.env"], setup: ["test ! -e ${SEEN}/out || { echo no network; exit 4; }", "cp local.env ready.log"] }`,
      `      - { stage: build, kind: command, command: "cat ready.log > ${SEEN}/built; env > ${SEEN}/env" }`,
    );
    writeFileSync(join(here.root, 'local.env'), 'url\n');
    show('out');
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    expect((await here.task(key)).reason).toMatchObject({
      code: 'workspace.setup_failed',
      detail: expect.stringContaining('no network'),
    });
    execFileSync('rm', [join(here.home, 'seen', 'out')]);
    await here.orch('retry', key);
    await reaches(key, 'done');
    expect(seen('built')).toBe('url\n');
    expect(slotIn(seen('env'))).toEqual(slotOf(0, key));
  });
});

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
