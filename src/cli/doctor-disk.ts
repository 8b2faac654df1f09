import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import type { Age, Config } from '../config/types.ts';
import { inBytes } from '../lib/bytes.ts';
import { type DiskUsage, diskUsage } from '../lib/disk-usage.ts';
import { formatDuration } from '../lib/duration.ts';
import { ownersOfRuns, salvageSize } from '../offline.ts';
import type { Finding } from './finding.ts';

/** All of it together: the whole of doctor is to take less than five seconds. */
const LIMIT_MS = 2500;
const SHOWN = 5;
/** Less is not worth a line of its own. */
const WORTH_NAMING_BYTES = 10 * 1024 ** 2;

/** What takes the disk, the largest by name, and what frees it. */
export async function* disk(loaded: LoadedConfig | null): AsyncGenerator<Finding> {
  if (loaded === null) return;
  const { config } = loaded;
  const { retention } = config;
  const deadline = performance.now() + LIMIT_MS;
  const measure = async (paths: Promise<string[]>) =>
    measured(await Promise.all((await paths).map((path) => diskUsage(path, deadline))));
  const [repos, worktrees, runs, database, salvage] = await Promise.all([
    measure(inside(config.reposDir)),
    measure(worktreesIn(config.worktreesDir)),
    measure(inside(config.runsDir, 'run_')),
    measure(inside(dirname(config.dbPath), basename(config.dbPath))),
    salvageOf(config),
  ]);

  yield line(
    'worktrees',
    worktrees,
    `${applies('worktrees', retention.worktreesMs)}; orch cancel KEY ends a task`,
  );
  for (const each of largest(worktrees)) yield line(`  ${named(each.path)}`, measured([each]), null);
  yield line('run folders', runs, applies('runs', retention.runsMs));
  const shown = largest(runs);
  const owners = ownersIn(config.dbPath, shown);
  for (const each of shown) {
    const name = basename(each.path);
    yield line(`  ${name} (${owners.get(Number(name.slice(4))) ?? 'unknown'})`, measured([each]), null);
  }
  yield line('repositories', repos, 'orch upkeep packs those that have grown');
  if (salvage !== null && salvage.bytes > 0)
    yield line('  salvaged work in them', salvage, 'orch salvage prune --older-than 30d');
  const copies = database.parts.filter(({ path }) => /\.(schema|before-restore)-/.test(path));
  yield line('database', database, applies('ledger', retention.ledgerMs));
  if (copies.length > 0)
    yield line(
      `  ${copies.length} copies from before`,
      measured(copies),
      `rm ${config.dbPath}.{schema,before-restore}-*`,
    );
}

interface Measured {
  readonly bytes: number;
  readonly whole: boolean;
  readonly parts: readonly DiskUsage[];
}

function measured(parts: readonly DiskUsage[]): Measured {
  return {
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    whole: parts.every(({ whole }) => whole),
    parts,
  };
}

function line(what: string, { bytes, whole }: Measured, fix: string | null): Finding {
  const size = whole ? inBytes(bytes) : `more than ${inBytes(bytes)}: not all was measured in the time`;
  return {
    group: 'disk',
    state: 'ok',
    text: `${what}: ${size}`,
    fix: bytes < WORTH_NAMING_BYTES ? null : fix,
  };
}

function largest({ parts }: Measured): DiskUsage[] {
  return parts
    .filter(({ bytes }) => bytes >= WORTH_NAMING_BYTES)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, SHOWN);
}

function applies(key: string, age: Age): string {
  const now = age === 'never' ? age : formatDuration(age);
  return `lower retention.${key} (${now}) in orch.yaml, then orch upkeep`;
}

/** `api/API-12`: the project and the task. */
function named(path: string): string {
  return `${basename(dirname(path))}/${basename(path)}`;
}

async function inside(folder: string, begin = ''): Promise<string[]> {
  const names = await readdir(folder).catch(() => []); // not made yet
  return names.filter((name) => name.startsWith(begin)).map((name) => join(folder, name));
}

async function worktreesIn(folder: string): Promise<string[]> {
  const projects = (await inside(folder)).filter((path) => !basename(path).startsWith('.'));
  return (await Promise.all(projects.map((path) => inside(path)))).flat();
}

function ownersIn(dbPath: string, runs: readonly DiskUsage[]): ReadonlyMap<number, string> {
  if (runs.length === 0) return new Map();
  try {
    return ownersOfRuns(
      dbPath,
      runs.map(({ path }) => Number(basename(path).slice(4))),
    );
  } catch {
    return new Map(); // the database group tells why
  }
}

/** Null when it could not be told in time. */
async function salvageOf(config: Config): Promise<Measured | null> {
  const sizes = config.projects.map(({ key }) => salvageSize(config, key, LIMIT_MS));
  return Promise.all(sizes).then(
    (all) => measured(all.map((bytes) => ({ path: '', bytes, whole: true }))),
    () => null,
  );
}
