import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lstatOrNull, readSmall } from './clone-files.ts';
import type { GitCall } from './git.ts';
import { rebuiltFolder } from './left-out.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { joinRaw, onDisk, type RawPath, splitRaw } from './paths.ts';
import { type Context, inBare } from './repository.ts';
import { scanTree } from './scan.ts';

type TreeCall = GitCall & { readonly workTree: string; readonly indexFile: string };

/** Files in folders that git does not look into by itself. */
export interface InnerFiles {
  readonly files: readonly RawPath[];
  /** Folders that were not looked into: too deep, or with a name that is not UTF-8. */
  readonly unread: readonly RawPath[];
  /** By the rules in those folders. */
  readonly ignored: readonly RawPath[];
}

type Found = { readonly [K in keyof InnerFiles]: RawPath[] };

const MAX_NESTING = 5;
const MAX_GITFILE_BYTES = 4096;

/**
 * The files of repositories inside the working tree, and of folders that the commit records as
 * submodules, without their `.git`. A submodule that is exactly what the project itself records can be
 * fetched again and is passed over. Of `folders`, those that end in a slash are looked into.
 */
export async function filesInside(
  context: Context,
  call: TreeCall,
  request: {
    readonly project: string;
    readonly clone: string;
    readonly head: string;
    readonly trusted: string;
    readonly folders: readonly RawPath[];
  },
): Promise<InnerFiles> {
  const found: Found = { files: [], unread: [], ignored: [] };
  const known = await submodulesOf(context, request.project, request.trusted);
  for (const [path, commit] of await submodulesOf(context, request.project, request.head)) {
    if ((await lstatOrNull(onDisk(request.clone, path)))?.isDirectory() !== true) continue;
    if (known.get(path) === commit && (await isUntouched(context, request, path, commit))) continue;
    await listInside(context, call, `${path}/` as RawPath, 1, found);
  }
  for (const folder of request.folders.filter((path) => path.endsWith('/')))
    await listInside(context, call, folder, 1, found);
  return found;
}

/** Every file below one top-level folder, ignored or not; none when it is a symlink. */
export async function filesBelow(context: Context, call: TreeCall, folder: string): Promise<InnerFiles> {
  const listed = await context.git(['ls-files', '-z', '--others', '--', `${folder}/`], call);
  const found: Found = { files: [], unread: [], ignored: [] };
  for (const path of splitRaw(listed.stdout).filter((each) => each.startsWith(`${folder}/`))) {
    if (path.endsWith('/')) await listInside(context, call, path, 1, found);
    else found.files.push(path);
  }
  return found;
}

/** By the ignore rules in that folder. */
async function listInside(
  context: Context,
  call: TreeCall,
  folder: RawPath,
  depth: number,
  found: Found,
): Promise<void> {
  const workTree = onDisk(call.workTree, folder).toString('utf8');
  if (rebuiltFolder(folder) !== null) return;
  if (depth > MAX_NESTING || workTree.includes('\uFFFD')) return void found.unread.push(folder);
  const inside = { ...call, workTree, indexFile: `${call.indexFile}.nested` };
  const listed = await context.git(['ls-files', '-z', '--others', '--exclude-standard'], inside);
  for (const path of splitRaw(listed.stdout)) {
    const full = joinRaw(folder, path);
    if (path.endsWith('/')) await listInside(context, call, full, depth + 1, found);
    else found.files.push(full);
  }
  const hidden = ['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--directory'];
  for (const path of splitRaw((await context.git(hidden, inside)).stdout))
    found.ignored.push(joinRaw(folder, path));
}

async function submodulesOf(
  context: Context,
  project: string,
  commit: string,
): Promise<Map<RawPath, string>> {
  const args = ['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', commit];
  const found = new Map<RawPath, string>();
  for (const entry of splitRaw((await inBare(context, project, args)).stdout)) {
    const [facts = '', path = ''] = entry.split('\t', 2);
    const [mode, , id = ''] = facts.split(' ');
    if (mode === '160000') found.set(path as RawPath, id);
  }
  return found;
}

/** Whether the folder is empty, or holds exactly the files of that commit. */
async function isUntouched(
  context: Context,
  { project, clone }: { readonly project: string; readonly clone: string },
  path: RawPath,
  commit: string,
): Promise<boolean> {
  const folder = onDisk(clone, path).toString('utf8');
  if (folder.includes('\uFFFD')) return false;
  if ((await readdir(folder)).length === 0) return true;
  const objects = await objectsOf(clone, folder);
  if (objects === null) return false;
  return withOwnGitDir(context, { project, objectDirs: [objects], scratch: true }, async (dir) => {
    const scan = await scanTree(context, dir.call(folder), commit);
    return scan.deleted.length + scan.modified.length + scan.untracked.length + scan.nested.length === 0;
  }).catch(() => false); // the commit is not there: nothing to compare with, so nothing is passed over
}

/** The objects of a submodule: in its own `.git`, or in `.git/modules` of the clone. Never outside of it. */
async function objectsOf(clone: string, folder: string): Promise<string | null> {
  const text = await readSmall(join(folder, '.git'), MAX_GITFILE_BYTES);
  const named = /^gitdir: (.+)$/.exec(text?.trim() ?? '')?.[1];
  const dir = join(folder, named ?? '.git');
  const parts = dir.startsWith(`${clone}/`) ? dir.slice(clone.length + 1).split('/') : null;
  if (parts === null) return null;
  let path = clone;
  for (const part of [...parts, 'objects']) {
    path = join(path, part);
    if ((await lstatOrNull(path))?.isDirectory() !== true) return null;
  }
  return path.includes('\n') ? null : path;
}
