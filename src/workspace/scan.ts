import { chmod, lstat, open } from 'node:fs/promises';
import type { GitCall } from './git.ts';
import {
  buildFolder,
  holdsToken,
  isListed,
  isSecretName,
  type LeftOut,
  type LeftOutReason,
  MAX_COMMITTED_BYTES,
  mayHoldToken,
} from './left-out.ts';
import { type OpenedTree, openTree } from './open-tree.ts';
import { onDisk, packRaw, type RawPath, shownPath, splitRaw } from './paths.ts';
import type { Context } from './repository.ts';

/** How a working tree differs from a commit. */
export interface Scan {
  /** Tracked and gone, behind a symlinked folder, or now a pipe. */
  readonly deleted: readonly RawPath[];
  /** Tracked, with other bytes, mode or type. */
  readonly modified: readonly RawPath[];
  /** Not tracked and not ignored. */
  readonly untracked: readonly RawPath[];
  /** Folders that are git repositories of their own, with a trailing slash; git does not look inside. */
  readonly nested: readonly RawPath[];
  /** What git itself cannot see. */
  readonly opened: OpenedTree;
}

/** Largest part of a text file that is read to look for a token. */
const TOKEN_SCAN_BYTES = 64 * 1024;

/**
 * Compares a working tree with a commit through our own git directory and a fresh index: the clone's
 * configuration, index flags (skip-worktree, fsmonitor) and filters have no say.
 */
export async function scanTree(
  context: Context,
  call: GitCall & { readonly workTree: string },
  commit: string,
): Promise<Scan> {
  const opened = await openTree(call.workTree);
  await loadIndex(context, call, commit);
  const tracked = splitRaw(
    (
      await context.git(
        ['diff-files', '-z', '--name-status', '--no-renames', '--ignore-submodules=all'],
        call,
      )
    ).stdout,
  );
  const others = await listOthers(context, call);
  const deleted: RawPath[] = [];
  const modified: RawPath[] = [];
  for (let i = 0; i + 1 < tracked.length; i += 2) {
    const path = tracked[i + 1] as RawPath;
    const isGone = tracked[i] === 'D' || opened.special.includes(path);
    (isGone ? deleted : modified).push(path);
  }
  await openFiles(call.workTree, modified);
  return {
    deleted,
    modified,
    untracked: others.filter((path) => !path.endsWith('/')),
    nested: others.filter((path) => path.endsWith('/')),
    opened,
  };
}

/** A file its owner may not read is made readable: git stops at the first it cannot open. */
export async function openFiles(workTree: string, paths: readonly RawPath[]): Promise<void> {
  for (const path of paths) {
    const stat = await lstat(onDisk(workTree, path)).catch(() => null); // gone, or another user's: told later
    if (stat?.isFile() === true && (stat.mode & 0o400) === 0)
      await chmod(onDisk(workTree, path), stat.mode | 0o400).catch(() => undefined);
  }
}

/** The commit in the private index, each entry marked whether its file on disk still is the same. */
export async function loadIndex(context: Context, call: GitCall, commit: string): Promise<void> {
  await context.git(['read-tree', commit], call);
  await context.git(['update-index', '-q', '--ignore-submodules', '--refresh'], { ...call, okCodes: [0, 1] });
}

/** What is neither in the index nor ignored; nested repositories end in a slash. */
export async function listOthers(context: Context, call: GitCall): Promise<RawPath[]> {
  return splitRaw((await context.git(['ls-files', '-z', '--others', '--exclude-standard'], call)).stdout);
}

/** Copied files are the project's secrets: never committed, also where the repository tracks a file of that name. */
export function withoutCopied(scan: Scan, copied: readonly string[]): Scan {
  const isOwn = (path: RawPath) => !isListed(shownPath(path), copied);
  return { ...scan, modified: scan.modified.filter(isOwn), deleted: scan.deleted.filter(isOwn) };
}

export interface Selection {
  readonly taken: readonly RawPath[];
  readonly leftOut: readonly LeftOut[];
}

/** Which untracked files belong into a commit; tracked ones always do, whatever their name or size. */
export async function selectUntracked(
  context: Context,
  call: GitCall & { readonly workTree: string },
  scan: Scan,
  copied: readonly string[],
): Promise<Selection> {
  const trackedFolders = scan.untracked.length === 0 ? new Set<RawPath>() : await foldersOf(context, call);
  const taken: RawPath[] = [];
  const leftOut = new Map<string, LeftOutReason>();
  for (const folder of scan.nested) leftOut.set(shownPath(folder), 'nested_repository');
  for (const path of scan.untracked) {
    const folder = buildFolder(path, (name) => trackedFolders.has(name));
    const reason = isListed(shownPath(path), copied)
      ? 'copied'
      : folder !== null
        ? 'build_folder'
        : await reasonOnDisk(call.workTree, path);
    if (reason === null) taken.push(path);
    else leftOut.set(shownPath(reason === 'build_folder' && folder !== null ? folder : path), reason);
  }
  return { taken, leftOut: [...leftOut].map(([path, reason]) => ({ path, reason })) };
}

/** Puts the paths as they are on disk into the private index and writes its tree. */
export async function writeSnapshot(
  context: Context,
  call: GitCall,
  scan: Pick<Scan, 'deleted' | 'modified'>,
  added: readonly RawPath[],
): Promise<string> {
  if (scan.deleted.length > 0)
    await context.git(['update-index', '--force-remove', '-z', '--stdin'], {
      ...call,
      stdin: packRaw(scan.deleted),
    });
  const present = [...scan.modified, ...added];
  if (present.length > 0)
    await context.git(['update-index', '--add', '--remove', '--replace', '-z', '--stdin'], {
      ...call,
      stdin: packRaw(present),
    });
  return (await context.git(['write-tree'], call)).stdout.toString('utf8').trim();
}

/** Why this one file stays out of a commit, by its name, size and content. */
async function reasonOnDisk(workTree: string, path: RawPath): Promise<LeftOutReason | null> {
  const shown = shownPath(path);
  if (isSecretName(shown)) return 'secret';
  if (isUnusualName(path)) return 'unusual_name';
  const stat = await lstat(onDisk(workTree, path)).catch(() => null); // gone since it was listed: nothing to take
  if (stat === null) return 'unreadable';
  if (stat.isSymbolicLink()) return null;
  if (stat.size > MAX_COMMITTED_BYTES) return 'too_large';
  const start = await readStart(workTree, path, mayHoldToken(shown) ? TOKEN_SCAN_BYTES : 0);
  if (start === null) return 'unreadable';
  return mayHoldToken(shown) && holdsToken(start) ? 'secret' : null;
}

/** Names that git refuses to check out because another system would read them as `.git`. */
function isUnusualName(path: RawPath): boolean {
  return path.split(/[/\\]/).some((part) => /^(?:\.git|git~\d+)[. ]*(?::|$)/i.test(part));
}

/** Null when the file cannot be opened. */
async function readStart(workTree: string, path: RawPath, bytes: number): Promise<string | null> {
  const file = await open(onDisk(workTree, path)).catch(() => null); // no permission: reported as unreadable
  if (file === null) return null;
  try {
    if (bytes === 0) return '';
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(bytes), position: 0 });
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}

/** Every folder the index has a file in, with its trailing slash. */
async function foldersOf(context: Context, call: GitCall): Promise<Set<RawPath>> {
  const folders = new Set<RawPath>();
  for (const path of splitRaw((await context.git(['ls-files', '-z'], call)).stdout)) {
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1))
      folders.add(path.slice(0, at + 1) as RawPath);
  }
  return folders;
}
