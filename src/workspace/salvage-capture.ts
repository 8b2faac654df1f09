import { constants } from 'node:fs';
import { access, lstat, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type IgnoredFiles, ignoredFiles } from './ignored.ts';
import { isListed, type LeftOut, type LeftOutReason, rebuiltFolder } from './left-out.ts';
import { filesBelow, filesInside } from './nested.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { onDisk, packRaw, type RawPath, shownPath } from './paths.ts';
import { resolveRef, treeOf } from './refs.ts';
import { type Context, inBare } from './repository.ts';
import { openFiles, scanTree, writeSnapshot } from './scan.ts';
import { WORK_FOLDER, workRef } from './work-folder.ts';

interface CaptureRequest {
  readonly project: string;
  readonly key: string;
  readonly clone: string;
  /** The commit the files are compared with. */
  readonly head: string;
  readonly copied: readonly string[];
  /** A commit of ours, whose ignore rules and submodules are the project's word. */
  readonly trusted: string;
  /** What follows. Null: everything stays on disk, ignored files too. */
  readonly before: 'reset' | 'removal' | null;
}

export interface Captured {
  readonly tree: string;
  /** It holds something that nothing else gives back, or had to leave such a thing out. */
  readonly changed: boolean;
  readonly leftOut: readonly LeftOut[];
}

/** Larger single files, and what comes after this much in all, are named in the note instead. */
const MAX_FILE_BYTES = 100 * 1024 * 1024;
const MAX_TOTAL_BYTES = 2 * 1024 * 1024 * 1024;
/** For ignored files, which are seldom work and often large. */
const MAX_HIDDEN_BYTES = 256 * 1024 * 1024;
/** Salvage records names that a pushed commit may not have; it is never pushed. */
const ANY_NAME = ['core.protectNTFS=false', 'core.protectHFS=false'];

/**
 * Writes the whole working tree as one tree object, byte for byte, and says whether it holds anything
 * that a checkout of `head` (and the saved task folder) would not give back.
 */
export async function captureTree(context: Context, request: CaptureRequest): Promise<Captured> {
  const { project, key, clone, head, copied, before } = request;
  return withOwnGitDir(context, { project, raw: true }, async (dir) => {
    const call = { ...dir.call(clone), config: ANY_NAME };
    const leftOut = new Map<string, LeftOutReason>();
    const name = (paths: readonly RawPath[], reason: LeftOutReason) => {
      for (const path of paths) leftOut.set(shownPath(path), reason);
    };
    const scan = await scanTree(context, call, head);
    const ignored =
      before === null ? NOTHING_IGNORED : await ignoredFiles(context, call, project, request.trusted);
    const inner = await filesInside(context, call, {
      ...request,
      folders: [...scan.nested, ...ignored.hidden],
    });
    name(scan.opened.gitDirs, 'nested_repository');
    name(scan.opened.closed, 'unreadable');
    name(inner.unread, 'nested_repository');
    name([...ignored.built, ...scan.nested.filter((path) => rebuiltFolder(path) !== null)], 'build_folder');
    if (before === 'removal') name([...ignored.expendable, ...inner.ignored], 'ignored');
    const outside = [...scan.untracked, ...inner.files].filter((path) => !path.startsWith(`${WORK_FOLDER}/`));
    const work = await filesBelow(context, call, WORK_FOLDER);
    name(work.unread, 'nested_repository');
    const isCopied = (path: RawPath): Omitted | null =>
      isListed(shownPath(path), copied) ? { path, reason: 'copied' } : null;
    const notWork = (path: RawPath) => isCopied(path) ?? rebuilt(path);
    const hiddenFiles = ignored.hidden.filter((path) => !path.endsWith('/'));
    const tracked = await choose(clone, scan.modified, isCopied, MAX_TOTAL_BYTES, leftOut);
    const others = [
      ...(await choose(clone, outside, notWork, MAX_TOTAL_BYTES, leftOut)),
      ...(await choose(clone, hiddenFiles, notWork, MAX_HIDDEN_BYTES, leftOut)),
    ];
    const handedIn = await choose(clone, work.files, () => null, MAX_TOTAL_BYTES, leftOut);
    const files = await writeSnapshot(context, call, { deleted: scan.deleted, modified: tracked }, others);
    const tree =
      handedIn.length === 0
        ? files
        : await writeSnapshot(context, call, { deleted: [], modified: [] }, handedIn);
    const lost = [...leftOut.values()].some(
      (reason) => isLoss(reason) || (reason === 'nested_repository' && before === 'removal'),
    );
    const differs =
      lost ||
      scan.deleted.length + others.length > 0 ||
      (await changedSinceCheckout(context, project, clone, head, tracked));
    const changed = differs || (tree !== files && (await addsWork(context, project, tree, key)));
    return { tree, changed, leftOut: [...leftOut].map(([path, reason]) => ({ path, reason })) };
  });
}

const NOTHING_IGNORED: IgnoredFiles = { hidden: [], output: [], built: [], expendable: [] };

/** Bytes of the agent's that a salvage does not have: worth a note even when it has nothing else. */
function isLoss(reason: LeftOutReason): boolean {
  return reason === 'too_large' || reason === 'unreadable' || reason === 'unusual_name';
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
  maxBytes: number,
  leftOut: Map<string, LeftOutReason>,
): Promise<RawPath[]> {
  await openFiles(clone, paths);
  const chosen: RawPath[] = [];
  let total = 0;
  for (const path of paths) {
    const size = await sizeOf(clone, path);
    const omitted = judge(path) ?? refusal(path, size, total, maxBytes);
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

function rebuilt(path: RawPath): Omitted | null {
  const folder = rebuiltFolder(path);
  return folder === null ? null : { path: folder, reason: 'build_folder' };
}

function refusal(path: RawPath, size: number | null, total: number, maxBytes: number): Omitted | null {
  if (size === null) return { path, reason: 'unreadable' };
  if (path.split('/').some((part) => /^\.git$/i.test(part))) return { path, reason: 'unusual_name' };
  return size > MAX_FILE_BYTES || total + size > maxBytes ? { path, reason: 'too_large' } : null;
}

/** Null when it cannot be read, or git cannot record it (a symlink named `.gitmodules`). */
async function sizeOf(clone: string, path: RawPath): Promise<number | null> {
  const place = onDisk(clone, path);
  const stat = await lstat(place).catch(() => null); // gone or no permission
  if (stat === null) return null;
  if (stat.isDirectory()) return null;
  if (stat.isSymbolicLink()) return /(?:^|\/)\.gitmodules$/i.test(path) ? null : stat.size;
  return access(place, constants.R_OK).then(
    () => stat.size,
    () => null,
  );
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
