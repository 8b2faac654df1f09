import { createHash } from 'node:crypto';
import { mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { lstatOrNull } from './clone-files.ts';

const FIRST_PORT = 20_000;
const PORTS_PER_SLOT = 20;
/** Linux hands out ports from here on to anybody who asks for any. */
const EPHEMERAL_PORTS = 32_768;
export const MAX_SLOTS = Math.floor((EPHEMERAL_PORTS - FIRST_PORT) / PORTS_PER_SLOT);
/** How often a claim looks again because another process was faster. */
const MAX_ROUNDS = 50;
const MAX_NAME = 40;

/**
 * The number a worktree holds as long as it exists, unique over all processes that share the folder.
 * A slot is a symlink `<number>.<generation>` to its worktree: made whole or not at all, and only by
 * one. Nothing has to be given back: a slot whose worktree is gone is free, also after a crash, and
 * is taken over by making its next generation, which again only one can. Safe to repeat: the same
 * worktree keeps its slot. Throws `workspace.no_slot`.
 */
export async function claimSlot(directory: string, worktree: string, slots = MAX_SLOTS): Promise<number> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const holders = await readHolders(directory);
    const mine = [...holders].find(([, holder]) => holder.worktree === worktree);
    if (mine !== undefined) return mine[0];
    const slot = await firstFree(holders, slots);
    if (slot === null) throw noSlot(directory, slots);
    const generation = (holders.get(slot)?.generation ?? 0) + 1;
    if (await take(directory, slot, generation, worktree)) return slot;
  }
  throw noSlot(directory, slots);
}

/** What every command of a worktree gets: its slot, the first of its ports, and a name for its containers. */
export function slotVariables(worktree: string, slot: number): Readonly<Record<string, string>> {
  return {
    ORCH_SLOT: String(slot),
    ORCH_PORT_BASE: String(FIRST_PORT + slot * PORTS_PER_SLOT),
    COMPOSE_PROJECT_NAME: composeName(worktree),
  };
}

/**
 * Project and key in the letters Docker Compose allows. The hash of the whole path keeps names apart
 * that only differ in what Compose does not allow, and those of a second installation.
 */
function composeName(worktree: string): string {
  const readable = `${basename(dirname(worktree))}-${basename(worktree)}`
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[_-]+/, '')
    .slice(0, MAX_NAME);
  const hash = createHash('sha256').update(worktree).digest('hex').slice(0, 8);
  return `${readable}-${hash}`;
}

interface Holder {
  readonly generation: number;
  readonly worktree: string;
}

/** The latest generation of each slot. */
async function readHolders(directory: string): Promise<Map<number, Holder>> {
  const holders = new Map<number, Holder>();
  for (const name of await readdir(directory)) {
    const [slot, generation] = (/^(\d+)\.(\d+)$/.exec(name) ?? []).slice(1).map(Number);
    if (slot === undefined || generation === undefined) continue;
    if ((holders.get(slot)?.generation ?? 0) >= generation) continue;
    const worktree = await readlink(join(directory, name)).catch(() => null); // cleared since it was listed
    if (worktree !== null) holders.set(slot, { generation, worktree });
  }
  return holders;
}

async function firstFree(holders: ReadonlyMap<number, Holder>, slots: number): Promise<number | null> {
  for (let slot = 0; slot < slots; slot++) {
    const holder = holders.get(slot);
    if (holder === undefined || (await lstatOrNull(holder.worktree)) === null) return slot;
  }
  return null;
}

/** False when somebody else was faster. */
async function take(directory: string, slot: number, generation: number, worktree: string): Promise<boolean> {
  const name = join(directory, `${slot}.${generation}`);
  try {
    await symlink(worktree, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  // A slow claim may have made a generation anew that was cleared long ago: only the latest one holds.
  const latest = (await readHolders(directory)).get(slot)?.generation;
  if (latest !== generation) {
    await rm(name, { force: true });
    return false;
  }
  for (const old of await readdir(directory)) {
    const [of, age] = old.split('.').map(Number);
    if (of === slot && age !== undefined && age < generation) await rm(join(directory, old), { force: true });
  }
  return true;
}

function noSlot(directory: string, slots: number): AppError {
  return new AppError(`all ${slots} slots of ${directory} are held by worktrees`, {
    code: 'workspace.no_slot',
    hint: `those of cancelled tasks go after retention.worktrees: lower it in orch.yaml, then orch upkeep; others in ${dirname(directory)} go when their tasks are done or cancelled`,
  });
}
