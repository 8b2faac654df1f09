/** What /proc says about processes: who they are, whether they live, and what a dead run left behind. */
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { AppError } from '../core/errors.ts';

/** A pid alone is soon another process's; with the boot and the start time it names one for ever. */
export interface ProcessIdentity {
  readonly bootId: string;
  readonly pid: number;
  /** Clock ticks since boot, as /proc prints it. */
  readonly startTime: string;
}

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly startTime: string;
  /** Has given up its memory, and with it its environment: it is dying, or a kernel thread. */
  readonly empty: boolean;
}

/** How long the kernel may take to end what was killed, before we say so and give up. */
const LEFTOVER_LIMIT_MS = 30_000;
const LEFTOVER_POLL_MS = 20;

function currentBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/** Null when there is no such process, or it has ended and only waits to be reaped. */
export function identify(pid: number): ProcessIdentity | null {
  const stat = readStat(pid);
  return stat === null ? null : { bootId: currentBootId(), pid, startTime: stat.startTime };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return readStat(identity.pid)?.startTime === identity.startTime && identity.bootId === currentBootId();
}

/** Cheaper than `isAlive`: false proves that the process is gone, true proves nothing. */
export function isPidUsed(pid: number): boolean {
  return send(pid, 0);
}

/** Signals that process and no other; false when it is gone or not ours to signal. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  return isAlive(identity) && send(identity.pid, signal);
}

/**
 * Kills all that is left of a run whose supervisor is gone, and returns when it is dead. Found are:
 * processes that carry the run's environment, everything in a session of one of those, and their
 * descendants. Without a namespace a process that left the session, dropped its environment *and*
 * lost its parent escapes; with one, all of them die with its first process, which is waited for.
 */
export async function killLeftovers(directory: string, supervisor: ProcessIdentity | null): Promise<void> {
  if (supervisor !== null && supervisor.bootId !== currentBootId()) return;
  const deadline = performance.now() + LEFTOVER_LIMIT_MS;
  for (;;) {
    const found = await findLeftovers(directory, supervisor);
    let alive = 0;
    for (const { pid, startTime } of found) {
      const again = readStat(pid);
      if (again?.startTime !== startTime) continue;
      if (again.empty || send(pid, 'SIGKILL')) alive += 1;
    }
    if (alive === 0) return;
    if (performance.now() > deadline) {
      throw new AppError(`${alive} processes of a run do not end although they were killed`, {
        code: 'launcher.unkillable',
        hint: 'They hang in the kernel, mostly on a dead network disk: look at their state with "ps", free the disk or restart the machine.',
        facts: { directory, pids: found.map(({ pid }) => pid) },
      });
    }
    await sleep(LEFTOVER_POLL_MS);
  }
}

async function findLeftovers(directory: string, supervisor: ProcessIdentity | null): Promise<ProcessStat[]> {
  const marks = [`TMPDIR=${join(directory, 'tmp')}`, `orch_run_directory=${directory}`];
  const stats: ProcessStat[] = [];
  const found = new Set<ProcessStat>();
  const sessions = new Set<number>();
  const pids = new Set<number>();
  const add = (stat: ProcessStat): void => {
    found.add(stat);
    pids.add(stat.pid);
    sessions.add(stat.session);
  };
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const stat = readStat(pid);
    if (stat === null) continue;
    stats.push(stat);
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''); // gone, or another user's
    if (environment !== '' && environment.split('\0').some((entry) => marks.includes(entry))) add(stat);
  }
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const stat of stats) {
      if (!found.has(stat) && (pids.has(stat.parent) || sessions.has(stat.session))) add(stat);
    }
  }
  // The namespace's first process, while it still waits for the rest of it to die, has no
  // environment any more. Its session tells; a stranger that got that number is never dying for long.
  for (const stat of stats) {
    if (stat.empty && stat.session === supervisor?.pid) found.add(stat);
  }
  return [...found];
}

/** In /proc, for every machine that Linux runs on. */
const TICK_MS = 10;

/**
 * Processor time so far, in ms, of each of these processes with all that descends from it: of those that live, and of
 * those that ended and were waited for. One pass over /proc, however many are asked for.
 */
export async function processorTimes(roots: readonly number[]): Promise<Map<number, number>> {
  const own = new Map<number, number>();
  const children = new Map<number, number[]>();
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null); // gone meanwhile
    if (text === null) continue;
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const parent = Number(fields[1]);
    own.set(
      pid,
      fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * TICK_MS, 0),
    );
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const timeOf = (pid: number): number =>
    (children.get(pid) ?? []).reduce((sum, child) => sum + timeOf(child), own.get(pid) ?? 0);
  return new Map(roots.filter((pid) => own.has(pid)).map((pid) => [pid, timeOf(pid)]));
}

function readStat(pid: number): ProcessStat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null; // no such process
  }
  // The name, in parentheses, may hold anything; after it come state, parent, group, session ...
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (/^[ZXx]/.test(fields[0] ?? 'X')) return null;
  return {
    pid,
    parent: Number(fields[1]),
    session: Number(fields[3]),
    startTime: fields[19] ?? '',
    empty: fields[20] === '0',
  };
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false; // gone meanwhile, or of another user
  }
}
