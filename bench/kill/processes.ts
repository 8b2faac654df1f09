/** Who lives, and whom it belongs to: what the kill rounds look at and aim at. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasLiveSupervisor } from '../../src/launcher/launcher.ts';
import { type Installation, processesMentioning } from '../../test/support/orch.ts';

export interface RunRow {
  readonly id: number;
  readonly pid: number | null;
  readonly directory: string;
}

export function runningRows(here: Installation): RunRow[] {
  return here.rows<RunRow>(`SELECT id, pid, directory FROM agent_runs WHERE status = 'running' ORDER BY id`);
}

/** Whether a supervisor of the run's agent, or of one of its commands, lives. */
export function isLive({ directory }: RunRow): boolean {
  try {
    const steps = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [directory, ...steps.map(({ name }) => join(directory, name))].some(hasLiveSupervisor);
  } catch {
    return false; // the run has no directory yet
  }
}

/** Processes of the installation by a part of their command line, its arguments divided by spaces. */
export function processesLike(here: Installation, command: RegExp): number[] {
  return processesMentioning(here.root).filter((pid) => command.test(commandOf(pid)));
}

export function commandOf(pid: number): string {
  return read(pid, 'cmdline').replaceAll('\0', ' ');
}

/** Processes of the installation that neither the service nor a running run owns. */
export function orphansOf(here: Installation, service: number | null): number[] {
  const running = new Set(runningRows(here).map(({ id }) => `run_${id}`));
  return processesMentioning(here.root).filter(
    (pid) => !descendsFrom(pid, service) && !running.has(ownerOf(pid) ?? '') && isThere(pid),
  );
}

/** The run whose environment or command line a process carries. */
function ownerOf(pid: number): string | null {
  const text = read(pid, 'environ') + read(pid, 'cmdline');
  return /\/runs\/(run_\d+)/.exec(text)?.[1] ?? /(?:^|\0)ORCH_RUN_ID=(run_\d+)/.exec(text)?.[1] ?? null;
}

function descendsFrom(pid: number, ancestor: number | null): boolean {
  for (let at = pid; at > 1; at = Number(statOf(at)?.[1] ?? 0)) if (at === ancestor) return true;
  return false;
}

/** Has not ended: one that only waits to be reaped has. */
function isThere(pid: number): boolean {
  return !/^[ZX]?$/.test(statOf(pid)?.[0] ?? '');
}

/** State, parent and what follows the name. */
function statOf(pid: number): string[] | null {
  const text = read(pid, 'stat');
  return text === '' ? null : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // gone
  }
}
