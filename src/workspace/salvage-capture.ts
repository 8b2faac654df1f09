import { constants } from 'node:fs';
import { access, lstat, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitCall } from './git.ts';
import { isListed, type LeftOut, type LeftOutReason, rebuiltFolder } from './left-out.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { joinRaw, onDisk, packRaw, type RawPath, shownPath, splitRaw } from './paths.ts';
import { resolveRef, treeOf } from './refs.ts';
import { type Context, inBare } from './repository.ts';
import { scanTree, writeSnapshot } from './scan.ts';
import { WORK_FOLDER, workRef } from './work-folder.ts';

interface CaptureRequest {
  readonly project: string;
  readonly key: string;
  readonly clone: string;
  /** The commit the files are compared with. */
  readonly head: string;
  readonly copied: readonly string[];
}

export interface Captured {
  readonly tree: string;
  readonly changed: boolean;
  readonly leftOut: readonly LeftOut[];
}

/** Larger single files, and what comes after this much in all, are named in the note instead. */
const MAX_FILE_BYTES = 100 * 1024 * 1024;
const MAX_TOTAL_BYTES = 2 * 1024 * 1024 * 1024;
const MAX_NESTING = 5;
/** Salvage records names that a pushed commit may not have; it is never pushed. */
const ANY_NAME = ['core.protectNTFS=false', 'core.protectHFS=false'];

/**
 * Writes the whole working tree as one tree object, byte for byte, and says whether it holds anything
 * that a checkout of `head` (and the saved task folder) would not give back.
 */
export async function captureTree(context: Context, request: CaptureRequest): Promise<Captured> {
  const { project, key, clone, head, copied } = request;
  return withOwnGitDir(context, { project, raw: true }, async (dir) => {
    const call = { ...dir.call(clone), config: ANY_NAME };
    const scan = await scanTree(context, call, head);
    const leftOut = new Map<string, LeftOutReason>();
    const nested = (
      await Promise.all(scan.nested.map((folder) => listNested(context, call, clone, folder, 1)))
    ).flat();
    for (const folder of scan.nested) leftOut.set(`${shownPath(folder)}.git`, 'nested_repository');
    const outside = [...scan.untracked, ...nested].filter((path) => !path.startsWith(`${WORK_FOLDER}/`));
    const work = await listAll(context, call, WORK_FOLDER);
    const tracked = await choose(clone, scan.modified, () => null, leftOut);
    const others = await choose(clone, outside, (path) => notWork(path, copied), leftOut);
    const handedIn = await choose(clone, work, () => null, leftOut);
    const files = await writeSnapshot(context, call, { deleted: scan.deleted, modified: tracked }, others);
    const tree =
      handedIn.length === 0
        ? files
        : await writeSnapshot(context, call, { deleted: [], modified: [] }, handedIn);
    const differs =
      scan.deleted.length + others.length > 0 ||
      (await changedSinceCheckout(context, project, clone, head, tracked));
    const changed = differs || (tree !== files && (await addsWork(context, project, tree, key)));
    return { tree, changed, leftOut: [...leftOut].map(([path, reason]) => ({ path, reason })) };
  });
}

/**
 * Whether one of these tracked files is not what a checkout puts there. A repository that asks for
 * CRLF has files on disk that differ from its blobs although nobody touched them.
 */
async function changedSinceCheckout(
  context: Context,
  project: string,
  clone: string,
  head: string,
  paths: readonly RawPath[],
): Promise<boolean> {
  if (paths.length === 0) return false;
  return withOwnGitDir(context, { project, scratch: true }, async (dir) => {
    const fresh = join(dir.path, 'checkout');
    await mkdir(fresh);
    const call = { ...dir.call(fresh), config: ANY_NAME };
    await context.git(['read-tree', head], call);
    await context.git(['checkout-index', '--quiet', '-z', '--stdin'], { ...call, stdin: packRaw(paths) });
    for (const path of paths) if (!(await sameFile(onDisk(clone, path), onDisk(fresh, path)))) return true;
    return false;
  });
}

async function sameFile(one: Buffer, other: Buffer): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one), lstat(other)]);
  if (!a.isFile() || !b.isFile() || a.size !== b.size || (a.mode & 0o100) !== (b.mode & 0o100)) return false;
  return (await readFile(one)).equals(await readFile(other));
}

/** The paths that can be kept; the others are named in `leftOut` with the reason. */
async function choose(
  clone: string,
  paths: readonly RawPath[],
  judge: (path: RawPath) => Omitted | null,
  leftOut: Map<string, LeftOutReason>,
): Promise<RawPath[]> {
  const chosen: RawPath[] = [];
  let total = 0;
  for (const path of paths) {
    const size = await sizeOf(clone, path);
    const omitted = judge(path) ?? refusal(path, size, total);
    if (omitted !== null) leftOut.set(shownPath(omitted.path), omitted.reason);
    else {
      chosen.push(path);
      total += size ?? 0;
    }
  }
  return chosen;
}

interface Omitted {
  readonly path: RawPath;
  readonly reason: LeftOutReason;
}

function notWork(path: RawPath, copied: readonly string[]): Omitted | null {
  if (isListed(shownPath(path), copied)) return { path, reason: 'copied' };
  const folder = rebuiltFolder(path);
  return folder === null ? null : { path: folder, reason: 'build_folder' };
}

function refusal(path: RawPath, size: number | null, total: number): Omitted | null {
  if (size === null) return { path, reason: 'unreadable' };
  if (path.split('/').some((part) => /^\.git$/i.test(part))) return { path, reason: 'unusual_name' };
  return size > MAX_FILE_BYTES || total + size > MAX_TOTAL_BYTES ? { path, reason: 'too_large' } : null;
}

/** Null when it cannot be read, or git cannot record it (a symlink named `.gitmodules`). */
async function sizeOf(clone: string, path: RawPath): Promise<number | null> {
  const place = onDisk(clone, path);
  const stat = await lstat(place).catch(() => null); // gone or no permission
  if (stat === null) return null;
  if (stat.isSymbolicLink()) return /(?:^|\/)\.gitmodules$/i.test(path) ? null : stat.size;
  return access(place, constants.R_OK).then(
    () => stat.size,
    () => null,
  );
}

/** The files of a repository inside the working tree, by its own ignore rules, without its `.git`. */
async function listNested(
  context: Context,
  call: GitCall,
  clone: string,
  folder: RawPath,
  depth: number,
): Promise<RawPath[]> {
  const workTree = onDisk(clone, folder).toString('utf8');
  if (depth > MAX_NESTING || rebuiltFolder(folder) !== null || workTree.includes('\uFFFD')) return [];
  const index = `${call.indexFile}.nested`;
  const listed = splitRaw(
    (
      await context.git(['ls-files', '-z', '--others', '--exclude-standard'], {
        ...call,
        workTree,
        indexFile: index,
      })
    ).stdout,
  );
  const found: RawPath[] = [];
  for (const path of listed) {
    const full = joinRaw(folder, path);
    if (path.endsWith('/')) found.push(...(await listNested(context, call, clone, full, depth + 1)));
    else found.push(full);
  }
  return found;
}

/** Every file below one top-level folder, ignored or not; none when it is a symlink. */
async function listAll(context: Context, call: GitCall, folder: string): Promise<RawPath[]> {
  const listed = await context.git(['ls-files', '-z', '--others', '--', `${folder}/`], call);
  return splitRaw(listed.stdout).filter((path) => path.startsWith(`${folder}/`) && !path.endsWith('/'));
}

/** Whether `.orch-work` holds a file, or a version of one, that was not saved. */
async function addsWork(context: Context, project: string, tree: string, key: string): Promise<boolean> {
  const saved = await resolveRef(context, project, workRef(key));
  if (saved === null) return true;
  const args = [
    'diff-tree',
    '-r',
    '-z',
    '--name-only',
    '--no-renames',
    '--diff-filter=AMT',
    '--end-of-options',
    await treeOf(context, project, saved),
    `${tree}:${WORK_FOLDER}`,
  ];
  return (await inBare(context, project, args)).stdout.length > 0;
}
