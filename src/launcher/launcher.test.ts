import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';

import { AppError } from '../core/errors.ts';
import { findIsolation } from './isolation.ts';
import { adopt, type LaunchSpec, type LiveRun, launch, probeIsolation, runCommand } from './launcher.ts';
import { prepareRun, startSupervisor } from './prepare.ts';
import { identify, isAlive, killLeftovers, signalProcess } from './processes.ts';

const root = mkdtempSync(join(tmpdir(), 'orch-launcher-'));
const probe = await probeIsolation();
const namespaces = probe.kind === 'pid-namespace';
const shellIsBash =
  spawnSync('/bin/sh', ['-c', 'echo $BASH_VERSION'], { encoding: 'utf8' }).stdout.trim() !== '';
let counter = 0;

afterAll(async () => {
  for (const name of readdirSync(root)) await killLeftovers(join(root, name), null);
  rmSync(root, { recursive: true, force: true });
});

function specFor(command: string | readonly string[], changes: Partial<LaunchSpec> = {}): LaunchSpec {
  counter += 1;
  return {
    runId: `run_${counter}`,
    directory: join(root, `run_${counter}`),
    argv: typeof command === 'string' ? ['/bin/sh', '-c', command] : command,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    stdin: '',
    timeoutMs: 60_000,
    stallMs: null,
    graceMs: 5_000,
    isolation: 'auto',
    about: {},
    ...changes,
  };
}

async function until<T>(what: string, look: () => T | Promise<T>, limitMs = 10_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    await sleep(10);
  }
}

/** Pids, as seen from here, of processes with that word among their arguments. */
function pidsWith(word: string): number[] {
  return readdirSync('/proc')
    .filter((name) => {
      if (!/^\d+$/.test(name)) return false;
      try {
        const isRunning = identify(Number(name)) !== null;
        return isRunning && readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').includes(word);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function nameOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return null;
  }
}

function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => {
      try {
        return /^\d+$/.test(name) && statFields(Number(name))[1] === String(parent);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** A number of seconds to sleep for that no other test uses: it marks a process. */
function token(): string {
  counter += 1;
  return `98${counter}.${process.pid}`;
}

function fileText(run: { directory: string }, name: string): string {
  return readFileSync(join(run.directory, name), 'utf8');
}

async function untilText(run: { directory: string }, text: string, name = 'run.log'): Promise<void> {
  await until(`${text} in ${name}`, () => fileText(run, name).includes(text));
}

/** Nothing in the run's session, nothing with its directory or its token on the command line. */
async function expectNothingLeft(run: LiveRun, ...tokens: string[]): Promise<void> {
  for (const word of tokens) expect(pidsWith(word)).toEqual([]);
  await until('the supervisor and its helpers to be gone', () =>
    readdirSync('/proc').every((name) => {
      try {
        return (
          !/^\d+$/.test(name) ||
          identify(Number(name)) === null ||
          statFields(Number(name))[3] !== String(run.pid)
        );
      } catch {
        return true;
      }
    }),
  );
  expect(existsSync(join(run.directory, 'tmp'))).toBe(false);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).hint).toBeTruthy();
  return (error as AppError).code;
}

/** A process of its own that launches and then does nothing: an orchestrator to be killed. */
async function orchestrator(specs: readonly LaunchSpec[]): Promise<ChildProcess> {
  const script = join(root, `orchestrator-${++counter}.mjs`);
  writeFileSync(
    script,
    `import { launch } from ${JSON.stringify(join(import.meta.dirname, 'launcher.ts'))};
     for (const spec of JSON.parse(process.argv[2])) await launch(spec);
     console.log('launched');
     setInterval(() => {}, 1000);`,
  );
  const child = spawn(process.execPath, ['--no-warnings', script, JSON.stringify(specs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

async function killOutright(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

describe.concurrent.each(namespaces ? (['auto', 'none'] as const) : (['none'] as const))(
  'with isolation: %s',
  { timeout: 60_000 },
  (isolation) => {
    const isolated = isolation === 'auto';
    const spec = (command: string | readonly string[], changes: Partial<LaunchSpec> = {}) =>
      specFor(command, { isolation, ...changes });

    it('a run writes its logs, its description and its exit record, readable by its user alone', async () => {
      const run = await launch(
        spec('cat; echo out; echo err >&2; exit 3', {
          stdin: 'the prompt\n',
          about: { account: 'claude-a' },
          env: { PATH: '/bin', KEY: 'hidden' },
        }),
      );
      const exit = await run.ended;
      expect(exit).toMatchObject({ exitCode: 3, signal: null, stoppedBy: null, vanished: false });
      expect(exit.endedAt).toBeGreaterThanOrEqual(exit.startedAt);
      expect(Math.abs(exit.endedAt - Date.now())).toBeLessThan(5_000);
      expect(fileText(run, 'run.log')).toBe('the prompt\nout\n');
      expect(fileText(run, 'stderr.log')).toBe('err\n');
      expect(fileText(run, 'prompt.md')).toBe('the prompt\n');
      expect(JSON.parse(fileText(run, 'run.json'))).toMatchObject({
        account: 'claude-a',
        argv: ['/bin/sh', '-c', 'cat; echo out; echo err >&2; exit 3'],
        cwd: '/',
        envNames: ['KEY', 'PATH'],
        limits: { timeoutMs: 60_000, stallMs: null, graceMs: 5_000 },
        isolation: isolated ? 'pid-namespace' : 'process-tree',
      });
      await expectNothingLeft(run);
      expect(readdirSync(run.directory).sort()).toEqual([
        'exit.json',
        'prompt.md',
        'run.json',
        'run.log',
        'stderr.log',
        'supervisor.json',
      ]);
      expect(statSync(run.directory).mode & 0o777).toBe(0o700);
      for (const name of readdirSync(run.directory)) {
        expect([name, statSync(join(run.directory, name)).mode & 0o777]).toEqual([name, 0o600]);
        expect(fileText(run, name)).not.toContain('hidden');
      }
      expect(await adopt(run.directory)).toEqual({ kind: 'ended', exit });
    });

    it('any bytes in arguments, variables and paths reach the agent as they are', async () => {
      const odd = [
        '',
        ' ',
        '-n',
        '--',
        "'",
        '"',
        '$HOME `id` $(id)',
        'a\nb\n',
        '\\',
        '*',
        '%s%n',
        '\u0001\u001b',
        'ü€😀',
        '!',
        '=',
        'A=B',
      ];
      const folder = join(root, 'odd \'folder\' $x\n"y"=z');
      mkdirSync(folder, { recursive: true });
      const program = join(folder, '-a=b');
      writeFileSync(
        program,
        '#!/bin/sh\nfor a; do printf "%s\\0" "$a"; done\nprintf "%s\\0" "$ODD" "$PWD_" "$0"\n',
        { mode: 0o755 },
      );
      const run = await launch(
        spec([program, ...odd], {
          directory: join(folder, `run ${++counter}`),
          cwd: folder,
          env: { ODD: odd.join('\n'), PWD_: 'x' },
          stdin: '-- $(id)\n',
        }),
      );
      expect(await run.ended).toMatchObject({ exitCode: 0 });
      expect(fileText(run, 'run.log').split('\0').slice(0, -1)).toEqual([
        ...odd,
        odd.join('\n'),
        'x',
        program,
      ]);
      await killLeftovers(run.directory, null);
    });

    it('the environment of the agent is the given one, ORCH_RUN_ID and TMPDIR, and nothing else', async () => {
      const names =
        'PWD OLDPWD SHLVL _ IFS LINENO OPTIND PPID UID RANDOM SECONDS PS1 PS4 ENV BASH_ENV SHELLOPTS LANG LC_ALL CDPATH HOME pid orch_stage orch_run_directory GREP_COLOR TERM POSIXLY_CORRECT';
      const env = {
        ...Object.fromEntries(names.split(' ').map((name) => [name, `v-${name}`])),
        MULTI: 'a\nB=c',
        EMPTY: '',
      };
      const given = spec([process.execPath, '-e', 'process.stdout.write(JSON.stringify(process.env))'], {
        env,
      });
      const run = await launch(given);
      expect(await run.ended).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(fileText(run, 'run.log'))).toEqual({
        ...env,
        ORCH_RUN_ID: given.runId,
        TMPDIR: join(run.directory, 'tmp'),
      });
      const bare = await launch(spec(['/bin/cat', '/proc/self/environ'], { env: {} }));
      await bare.ended;
      expect(
        fileText(bare, 'run.log')
          .split('\0')
          .map((entry) => entry.split('=')[0])
          .toSorted((a, b) => (a ?? '').localeCompare(b ?? '')),
      ).toEqual(['', 'ORCH_RUN_ID', 'TMPDIR']);
    });

    it('no value of a variable is on any command line, but for those that a shell would change', async () => {
      const secret = `secret-${token()}`;
      const run = await launch(
        spec('echo on; sleep 60', { env: { PATH: '/bin', ANTHROPIC_API_KEY: secret } }),
      );
      await untilText(run, 'on');
      for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
        const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
        expect(line.includes(secret)).toBe(false);
      }
      await run.stop('cancel', { now: true });
    });

    it('the agent starts with default signals, its own session and only its three files', async () => {
      const run = await launch(
        spec(
          'grep -E "^Sig(Blk|Ign)" /proc/self/status; for f in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$f ] && echo "open $f"; done; kill 0; sleep 60',
        ),
      );
      expect(await run.ended).toMatchObject({ signal: 'SIGTERM', stoppedBy: null });
      expect(fileText(run, 'run.log')).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
    });

    it.each([
      ['exit 0', 0, null],
      ['exit 143', 143, null],
      ['exit 137', 137, null],
      ['exit 144', 144, null],
      ['exit 247', 247, null],
      ['kill -TERM $$', null, 'SIGTERM'],
      ['kill -KILL $$', null, 'SIGKILL'],
      ['kill -INT $$', null, 'SIGINT'],
      ['kill -SEGV $$', null, 'SIGSEGV'],
      ['kill -XCPU $$', null, 'SIGXCPU'],
    ])('"%s" is recorded as exit code %s, signal %s', async (command, exitCode, signal) => {
      const run = await launch(spec(command));
      const exit = await run.ended;
      expect(exit).toMatchObject({ stoppedBy: null, vanished: false });
      const seen = { exitCode: exit.exitCode, signal: exit.signal };
      // Where the only shell is bash, what could be either is recorded as both.
      if (seen.exitCode !== null && seen.signal !== null && shellIsBash) {
        expect([`${exitCode}`, `${signal}`]).toContain(signal === null ? `${seen.exitCode}` : seen.signal);
      } else expect(seen).toEqual({ exitCode, signal });
    });

    it('an exit is noticed within a quarter of a second', async () => {
      const run = await launch(spec('sleep 0.3'));
      const exit = await run.ended;
      expect(Date.now() - exit.endedAt).toBeLessThan(1_000); // most of it for a busy machine
    });

    it('a polite stop sends SIGTERM to the agent alone and waits for it', async () => {
      const mark = token();
      const run = await launch(
        spec(
          `trap 'echo bye; exit 7' TERM; /bin/sh -c 'trap "echo child heard" TERM; echo child; sleep ${mark} & wait; wait' & while :; do wait; done`,
        ),
      );
      await untilText(run, 'child');
      await Promise.all([run.stop('cancel'), run.stop('timeout')]);
      expect(await run.ended).toMatchObject({ exitCode: 7, signal: null, stoppedBy: 'cancel' });
      expect(fileText(run, 'run.log')).toBe('child\nbye\n');
      await expectNothingLeft(run, mark);
      await run.stop('outside');
    });

    it('an agent that ignores SIGTERM is killed after the grace, and not before', async () => {
      const mark = token();
      const run = await launch(spec(`trap '' TERM; echo on; sleep ${mark} & wait`, { graceMs: 700 }));
      await untilText(run, 'on');
      const before = performance.now();
      await run.stop('cancel');
      expect(performance.now() - before).toBeGreaterThanOrEqual(690);
      expect(await run.ended).toMatchObject({ exitCode: null, signal: 'SIGKILL', stoppedBy: 'cancel' });
      await expectNothingLeft(run, mark);
    });

    it('stop with now does not wait for the grace, also after a polite one', async () => {
      const run = await launch(spec(`trap '' TERM; echo on; sleep ${token()} & wait`, { graceMs: 60_000 }));
      await untilText(run, 'on');
      const polite = run.stop('cancel');
      await until('the marker', () => existsSync(join(run.directory, 'stop')));
      await run.stop('outside', { now: true });
      await polite;
      expect(await run.ended).toMatchObject({ signal: 'SIGKILL', stoppedBy: 'cancel' });
    });

    it('a stop at once after the launch ends the run without its grace', async () => {
      const before = performance.now();
      for (let i = 0; i < 8; i += 1) {
        const run = await launch(spec('sleep 60', { graceMs: 30_000 }));
        await run.stop('cancel');
        expect(await run.ended).toMatchObject({ stoppedBy: 'cancel' });
        await expectNothingLeft(run);
      }
      expect(performance.now() - before).toBeLessThan(25_000);
    });

    it('the wall clock limit ends the run', async () => {
      const run = await launch(spec(`echo on; sleep ${token()}`, { timeoutMs: 500 }));
      const exit = await run.ended;
      expect(exit).toMatchObject({ signal: 'SIGTERM', stoppedBy: 'timeout' });
      expect(exit.endedAt - exit.startedAt).toBeGreaterThanOrEqual(490);
      expect(exit.endedAt - exit.startedAt).toBeLessThan(5_000);
    });

    it('silence on both logs ends the run as stalled; output on either puts that off', async () => {
      const run = await launch(
        spec('for i in 1 2 3 4 5 6 7; do sleep 0.3; echo $i; sleep 0.3; echo $i >&2; done; sleep 60', {
          stallMs: 1_000,
        }),
      );
      const exit = await run.ended;
      expect(exit).toMatchObject({ signal: 'SIGTERM', stoppedBy: 'stall' });
      expect(fileText(run, 'stderr.log')).toContain('7');
      const silentMs = exit.endedAt - ((await run.lastOutputAt()) ?? 0);
      expect(silentMs).toBeGreaterThanOrEqual(990);
      expect(silentMs).toBeLessThan(5_000);
    });

    it('a stopped agent is ended by the stall limit', async () => {
      const run = await launch(spec('echo on; kill -STOP $$; echo never', { stallMs: 500, graceMs: 500 }));
      expect(await run.ended).toMatchObject({ signal: 'SIGKILL', stoppedBy: 'stall' });
      expect(fileText(run, 'run.log')).toBe('on\n');
    });

    it('when the agent ends, what it left behind dies with it', async () => {
      const [plain, own] = [token(), token()];
      const run = await launch(
        spec(
          `sleep ${plain} & setsid sleep ${own} & until grep -q 'sleep' /proc/$!/cmdline; do :; done; exit 0`,
        ),
      );
      expect(await run.ended).toMatchObject({ exitCode: 0 });
      await expectNothingLeft(run, plain, own);
    });

    it('SIGKILL for the agent alone is recorded as that, and not as a stop', async () => {
      const mark = token();
      const run = await launch(spec(['/bin/sleep', mark]));
      const pid = await until('the agent', () => pidsWith(mark).find((one) => nameOf(one) === 'sleep'));
      process.kill(pid, 'SIGKILL');
      expect(await run.ended).toMatchObject({ signal: 'SIGKILL', stoppedBy: null, vanished: false });
    });

    it('SIGTERM for the supervisor ends the run politely, by an outsider', async () => {
      const run = await launch(spec('trap "echo bye; exit 0" TERM; echo on; while :; do sleep 0.05; done'));
      await untilText(run, 'on');
      process.kill(run.pid, 'SIGTERM');
      expect(await run.ended).toMatchObject({ exitCode: 0, stoppedBy: 'outside' });
      expect(fileText(run, 'run.log')).toContain('bye');
    });

    it('SIGKILL for the supervisor ends the agent and its children too, as vanished', async () => {
      const [child, own] = [token(), token()];
      const run = await launch(spec(`sleep ${child} & setsid sleep ${own} & echo on; wait`));
      await untilText(run, 'on');
      await until('the child in its own session', () => pidsWith(own).length > 0);
      process.kill(run.pid, 'SIGKILL');
      expect(await run.ended).toMatchObject({
        exitCode: null,
        signal: null,
        stoppedBy: null,
        vanished: true,
      });
      await expectNothingLeft(run, child, own);
      expect(await adopt(run.directory)).toEqual({ kind: 'gone' });
    });

    it('a stopped supervisor still obeys a stop', async () => {
      const run = await launch(spec(`echo on; sleep ${token()}`));
      await untilText(run, 'on');
      process.kill(run.pid, 'SIGSTOP');
      await run.stop('cancel');
      expect(await run.ended).toMatchObject({ signal: 'SIGTERM', stoppedBy: 'cancel', vanished: false });
      await expectNothingLeft(run);
    });

    it('a supervisor that does not obey a stop is killed with all of its run', async () => {
      const mark = token();
      const run = await launch(spec(`echo on; sleep ${mark}`, { graceMs: 100 }));
      await untilText(run, 'on');
      process.kill(run.pid, 'SIGSTOP');
      const hold = setInterval(
        () => signalProcess(identify(run.pid) ?? { bootId: '', pid: 0, startTime: '' }, 'SIGSTOP'),
        1,
      );
      await run.stop('cancel');
      clearInterval(hold);
      const exit = await run.ended;
      expect(exit.stoppedBy).toBe('cancel');
      await expectNothingLeft(run, mark);
    });

    it('a run outlives its orchestrator, and is adopted with limits and all', async () => {
      const [first, second, third] = [
        spec('echo on; until [ -e "$TMPDIR/go" ]; do sleep 0.05; done; echo done', { stdin: 'x' }),
        spec('echo on; sleep 60', { timeoutMs: 3_000 }),
        spec('exit 5'),
      ] as const;
      await killOutright(await orchestrator([first, second, third]));
      const live = await adopt(first.directory);
      expect(live.kind).toBe('live');
      if (live.kind !== 'live') return;
      await untilText(first, 'on');
      expect(await live.run.lastOutputAt()).toBeGreaterThan(0);
      writeFileSync(join(first.directory, 'tmp', 'go'), '');
      expect(await live.run.ended).toMatchObject({ exitCode: 0, vanished: false });
      expect(fileText(first, 'run.log')).toBe('on\ndone\n');

      const limited = await adopt(second.directory);
      const exit =
        limited.kind === 'live' ? await limited.run.ended : limited.kind === 'ended' ? limited.exit : null;
      expect(exit).toMatchObject({ stoppedBy: 'timeout' });

      const ended = await until('the record', async () => {
        const found = await adopt(third.directory);
        return found.kind === 'ended' ? found : null;
      });
      expect(ended.exit).toMatchObject({ exitCode: 5 });
    });

    it('an adopted run can be stopped', async () => {
      const given = spec('trap "exit 9" TERM; echo on; while :; do sleep 0.05; done');
      await killOutright(await orchestrator([given]));
      await untilText(given, 'on');
      const found = await adopt(given.directory);
      if (found.kind !== 'live') throw new Error(found.kind);
      await found.run.stop('cancel');
      expect(await found.run.ended).toMatchObject({ exitCode: 9, stoppedBy: 'cancel' });
    });

    it('after orchestrator, supervisor and agent were all killed, nothing is left and the run is gone', async () => {
      const [agent, own] = [token(), token()];
      const given = spec(`setsid sleep ${own} & echo on; sleep ${agent}`);
      const parent = await orchestrator([given]);
      await until('the agent and its child', () => pidsWith(own).length > 0 && pidsWith(agent).length > 0);
      const { pid } = JSON.parse(fileText(given, 'supervisor.json')) as { pid: number };
      await killOutright(parent);
      const doomed = [pid, ...pidsWith(agent)].map(identify).filter((one) => one !== null);
      for (const one of doomed) signalProcess(one, 'SIGKILL');
      await until('their death', () => !doomed.some(isAlive));
      expect(await adopt(given.directory)).toEqual({ kind: 'gone' });
      expect([...pidsWith(agent), ...pidsWith(own)]).toEqual([]);
      expect(existsSync(join(given.directory, 'tmp'))).toBe(false);
    });

    it('a supervisor that comes late finds that the run was given up, and starts nothing', async () => {
      const given = spec('touch started');
      const prepared = await prepareRun({ ...given, cwd: root }, await findIsolation(isolation));
      expect(await adopt(given.directory)).toEqual({ kind: 'gone' });
      const supervisor = await startSupervisor(prepared);
      await until('the supervisor to end', () => !isAlive(supervisor));
      expect(existsSync(join(root, 'started'))).toBe(false);
      expect(existsSync(join(given.directory, 'exit.json'))).toBe(false);
      expect(await adopt(given.directory)).toEqual({ kind: 'gone' });
    });

    it('whenever adopt says gone while a supervisor starts, no agent runs or will', async () => {
      const counts = { gone: 0, ended: 0, live: 0 };
      for (let i = 0; i < 25; i += 1) {
        const mark = token();
        const given = spec(`sleep ${mark}`);
        const prepared = await prepareRun(given, await findIsolation(isolation));
        const supervisor = await startSupervisor(prepared);
        await sleep(i % 25);
        const found = await adopt(given.directory);
        counts[found.kind] += 1;
        if (found.kind === 'live') await found.run.stop('cancel', { now: true });
        else {
          expect(pidsWith(mark).filter((pid) => nameOf(pid) === 'sleep')).toEqual([]);
          await until('the supervisor to end', () => !isAlive(supervisor));
        }
        expect(pidsWith(mark)).toEqual([]);
      }
      expect(counts.gone + counts.ended + counts.live).toBe(25);
    });

    it('a supervisor killed at any moment leaves nothing behind', async () => {
      for (let i = 0; i < 30; i += 1) {
        const [agent, own] = [token(), token()];
        const run = await launch(spec(`setsid sleep ${own} & sleep ${agent}`));
        await sleep(i);
        process.kill(run.pid, 'SIGKILL');
        expect(await run.ended).toMatchObject({ vanished: true });
        await expectNothingLeft(run, agent, own);
      }
    });

    it('a record that cannot be written makes the run vanish', async () => {
      const run = await launch(spec('until [ -e "$TMPDIR/go" ]; do sleep 0.05; done'));
      rmSync(join(run.directory, 'exit.json.tmp'));
      mkdirSync(join(run.directory, 'exit.json.tmp'));
      writeFileSync(join(run.directory, 'tmp', 'go'), '');
      expect(await run.ended).toMatchObject({ vanished: true, stoppedBy: null });
      await expectNothingLeft(run);
    });

    it('a run whose directory is removed can be stopped, and vanishes', async () => {
      const mark = token();
      const run = await launch(spec(`echo on; sleep ${mark}`, { graceMs: 300 }));
      await untilText(run, 'on');
      rmSync(run.directory, { recursive: true });
      await run.stop('cancel');
      expect(await run.ended).toMatchObject({ vanished: true, stoppedBy: 'cancel' });
      await expectNothingLeft(run, mark);
    });

    it('a command gives its exit and the end of its merged output', async () => {
      const { runId, directory } = specFor('');
      const result = await runCommand({
        runId,
        directory,
        isolation,
        command:
          'i=0; while [ $i -lt 20000 ]; do echo "ünicode line $i"; i=$((i+1)); done; echo last >&2; exit 4',
        cwd: '/',
        env: { PATH: '/bin' },
        timeoutMs: 30_000,
      });
      expect(result.exit).toMatchObject({ exitCode: 4 });
      expect(result.outputTail.endsWith('line 19999\nlast\n')).toBe(true);
      expect(Buffer.byteLength(result.outputTail)).toBeGreaterThan(200_000);
      expect(Buffer.byteLength(result.outputTail)).toBeLessThanOrEqual(256 * 1024);
      expect(result.outputTail).not.toContain('\ufffd');
    });

    it('a command is ended by its limit or by its caller, with all that it started', async () => {
      const [first, second] = [token(), token()];
      const command = (mark: string) => ({
        ...specFor(''),
        isolation,
        command: `sleep ${mark} & echo on; wait`,
        timeoutMs: 500,
      });
      const limited = await runCommand(command(first));
      expect(limited.exit).toMatchObject({ stoppedBy: 'timeout' });
      expect(limited.outputTail).toBe('on\n');
      const caller = new AbortController();
      const running = runCommand({ ...command(second), timeoutMs: 60_000, signal: caller.signal });
      await until('the command', () => pidsWith(second).length > 0);
      caller.abort();
      expect((await running).exit).toMatchObject({ stoppedBy: 'cancel' });
      expect([...pidsWith(first), ...pidsWith(second)]).toEqual([]);
    });
  },
);

describe.runIf(namespaces).concurrent('inside a namespace', { timeout: 60_000 }, () => {
  /** Double fork, own session, no environment: nothing ties it to the run but the namespace. */
  const escape = (mark: string): string => `(setsid /usr/bin/env -i /bin/sleep ${mark} &)`;

  type End = (run: LiveRun) => Promise<void>;
  it.each<[string, string, End]>([
    ['a good end', 'exit 0', async () => undefined],
    ['a polite stop', 'wait; sleep 60', (run: LiveRun) => run.stop('cancel')],
    ['a hard stop', 'sleep 60', (run: LiveRun) => run.stop('cancel', { now: true })],
    ['SIGKILL for the supervisor', 'sleep 60', async (run: LiveRun) => void process.kill(run.pid, 'SIGKILL')],
    [
      'SIGKILL for the outer unshare',
      'sleep 60',
      async (run: LiveRun) => void process.kill(chainOf(run), 'SIGKILL'),
    ],
    [
      'SIGKILL for its first process',
      'sleep 60',
      async (run: LiveRun) => void process.kill(childrenOf(chainOf(run))[0]!, 'SIGKILL'),
    ],
  ])('no escapee survives %s', async (_, last, end) => {
    const mark = token();
    const run = await launch(
      specFor(`${escape(mark)}; until [ -e "$TMPDIR/go" ]; do sleep 0.02; done; ${last}`),
    );
    await until('the escapee', () => pidsWith(mark).some((pid) => nameOf(pid) === 'sleep'));
    writeFileSync(join(run.directory, 'tmp', 'go'), '');
    await end(run);
    await run.ended;
    await expectNothingLeft(run, mark);
  });

  it('orphans are reaped', async () => {
    const run = await launch(
      specFor(
        'i=0; while [ $i -lt 20 ]; do (sleep 0.01 &); i=$((i+1)); done; sleep 0.5; grep -l "^State:.Z" /proc/[0-9]*/status; echo end',
      ),
    );
    await run.ended;
    expect(fileText(run, 'run.log')).toBe('end\n');
  });

  it('the agent sees only its own run', async () => {
    const run = await launch(specFor('ls -d /proc/[0-9]* | wc -l'));
    await run.ended;
    expect(Number(fileText(run, 'run.log'))).toBeLessThan(8);
  });

  it('the agent keeps its user', async () => {
    const run = await launch(specFor('id -u; touch "$TMPDIR/x" && stat -c %u "$TMPDIR/x"'));
    await run.ended;
    const uid = process.getuid?.();
    expect(fileText(run, 'run.log')).toBe(`${uid}\n${uid}\n`);
  });

  function chainOf(run: LiveRun): number {
    const chain = childrenOf(run.pid).find((pid) => nameOf(pid) === 'unshare');
    if (chain === undefined) throw new Error('no unshare');
    return chain;
  }
});

describe('launch refuses', () => {
  it('what cannot run, and leaves nothing behind', async () => {
    const cases: [Partial<LaunchSpec>, string][] = [
      [{ argv: ['no-such-program'] }, 'launcher.spawn_failed'],
      [{ argv: ['/no/such/program'] }, 'launcher.spawn_failed'],
      [{ argv: ['/etc/passwd'] }, 'launcher.spawn_failed'],
      [{ argv: ['/tmp'] }, 'launcher.spawn_failed'],
      [{ argv: [] }, 'launcher.bad_argument'],
      [{ cwd: '/no/such/folder' }, 'launcher.cwd_missing'],
      [{ env: { 'A-B': '1' } }, 'launcher.bad_argument'],
      [{ env: { A: '1\0' } }, 'launcher.bad_argument'],
      [{ directory: 'relative' }, 'launcher.bad_argument'],
      [{ directory: '/dev/null/runs' }, 'launcher.directory_failed'],
      [{ argv: ['/bin/echo', 'x'.repeat(200_000)] }, 'launcher.spawn_failed'],
    ];
    for (const [changes, code] of cases) {
      const spec = specFor('true', changes);
      expect([changes, await codeOf(launch(spec))]).toEqual([changes, code]);
      expect(existsSync(spec.directory)).toBe(false);
    }
  });

  it('a directory that was used before, whatever came of it', async () => {
    const spec = specFor('true');
    mkdirSync(spec.directory);
    writeFileSync(join(spec.directory, 'run.json'), '{}');
    const [first, second] = await Promise.allSettled([launch(spec), launch(spec)]);
    const run =
      first.status === 'fulfilled' ? first.value : second.status === 'fulfilled' ? second.value : null;
    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected']);
    await run?.ended;
    expect(await codeOf(launch(spec))).toBe('launcher.directory_used');
    const given = specFor('true');
    mkdirSync(given.directory);
    expect(await adopt(given.directory)).toEqual({ kind: 'gone' });
    expect(await codeOf(launch(given))).toBe('launcher.directory_used');
  });
});

describe('identity', () => {
  it('a recycled pid is neither adopted nor killed', async () => {
    const bystander = spawn('/bin/sleep', ['60'], { detached: true, stdio: 'ignore' });
    const self = identify(bystander.pid!);
    for (const changes of [{ startTime: '1' }, { bootId: 'another boot' }]) {
      const directory = join(root, `recycled-${++counter}`);
      mkdirSync(directory);
      writeFileSync(join(directory, 'supervisor.json'), JSON.stringify({ ...self, ...changes }));
      expect(await adopt(directory)).toEqual({ kind: 'gone' });
      expect(isAlive(self!)).toBe(true);
    }
    bystander.kill('SIGKILL');
  });

  it('a directory that is not there is gone', async () => {
    expect(await adopt(join(root, 'nowhere'))).toEqual({ kind: 'gone' });
  });
});
