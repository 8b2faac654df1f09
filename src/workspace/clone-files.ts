import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { openRegular } from '../lib/regular-file.ts';
import { isBranchName, isCommitId } from './names.ts';

/** Where the clone's HEAD is. `broken`: the `.git` directory is not what git makes. */
export type CloneHead =
  | { readonly kind: 'branch'; readonly branch: string; readonly commit: string }
  | { readonly kind: 'unborn'; readonly branch: string }
  | { readonly kind: 'detached'; readonly commit: string }
  | { readonly kind: 'broken'; readonly reason: string };

export type CloneRef =
  | { readonly kind: 'at'; readonly commit: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'broken' };

const MAX_HEAD_BYTES = 4096;
const MAX_PACKED_REFS_BYTES = 8 * 1024 * 1024;
/** Files that git leaves in `.git` while an operation waits for a person. */
const OPERATIONS: Readonly<Record<string, string>> = {
  MERGE_HEAD: 'merge',
  CHERRY_PICK_HEAD: 'cherry-pick',
  REVERT_HEAD: 'revert',
  'rebase-merge': 'rebase',
  'rebase-apply': 'rebase',
};

/**
 * Reads HEAD as plain data from a directory an agent may have rewritten: no git runs, no symlink is
 * followed, no pipe is waited for, no file is read beyond its limit.
 */
export async function readHead(clone: string): Promise<CloneHead> {
  const broken = await brokenGitDir(clone);
  if (broken !== null) return { kind: 'broken', reason: broken };
  const head = await readSmall(join(clone, '.git', 'HEAD'), MAX_HEAD_BYTES);
  if (head === null) return { kind: 'broken', reason: '.git/HEAD is not a readable plain file' };
  const text = head.trim();
  if (isCommitId(text)) return { kind: 'detached', commit: text };
  const branch = /^ref:\s*refs\/heads\/(.+)$/.exec(text)?.[1];
  if (branch === undefined || !isBranchName(branch))
    return { kind: 'broken', reason: '.git/HEAD names no branch' };
  const ref = await readRef(clone, `refs/heads/${branch}`);
  if (ref.kind === 'broken')
    return { kind: 'broken', reason: `.git/refs/heads/${branch} is not a plain ref` };
  return ref.kind === 'absent' ? { kind: 'unborn', branch } : { kind: 'branch', branch, commit: ref.commit };
}

/** One ref in the clone; `broken` when it is a symlink, symbolic or not a commit id. */
export async function readRef(clone: string, ref: string): Promise<CloneRef> {
  const parts = ref.split('/');
  let path = join(clone, '.git');
  for (const part of parts.slice(0, -1)) {
    path = join(path, part);
    const stat = await lstatOrNull(path);
    if (stat === null) return refAt((await readPackedRefs(clone)).get(ref));
    if (!stat.isDirectory()) return { kind: 'broken' };
  }
  const file = join(path, parts.at(-1) ?? '');
  const stat = await lstatOrNull(file);
  if (stat === null || stat.isDirectory()) return refAt((await readPackedRefs(clone)).get(ref));
  const text = (await readSmall(file, MAX_HEAD_BYTES))?.trim();
  return text !== undefined && isCommitId(text) ? refAt(text) : { kind: 'broken' };
}

function refAt(commit: string | undefined): CloneRef {
  return commit === undefined ? { kind: 'absent' } : { kind: 'at', commit };
}

/** A file below `.git` as text; null when it, or a folder on the way, is not plain, or when it is too large. */
export async function readGitText(clone: string, name: string, maxBytes: number): Promise<string | null> {
  const file = await plainGitFile(clone, name);
  return file === null ? null : readSmall(file, maxBytes);
}

/** The unfinished merge, rebase ... that waits in the clone, or null. */
export async function unfinishedOperation(clone: string): Promise<string | null> {
  for (const [file, name] of Object.entries(OPERATIONS)) {
    if ((await lstatOrNull(join(clone, '.git', file))) !== null) return name;
  }
  return null;
}

/** Writes one file below `.git`; a symlink on the way is taken away, never followed. */
export async function writeGitFile(clone: string, name: string, content: string | Uint8Array): Promise<void> {
  const parts = name.split('/');
  let dir = join(clone, '.git');
  for (const part of parts.slice(0, -1)) {
    dir = join(dir, part);
    const stat = await lstatOrNull(dir);
    if (stat !== null && !stat.isDirectory()) await unlink(dir);
    await mkdir(dir, { recursive: true });
  }
  const draft = join(clone, '.git', `orch-${randomBytes(6).toString('hex')}`);
  const file = await open(
    draft,
    constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW,
    0o644,
  );
  try {
    await file.writeFile(content);
  } finally {
    await file.close();
  }
  const target = join(dir, parts.at(-1) ?? '');
  await rename(draft, target).catch(async (cause: unknown) => {
    await rm(draft, { force: true });
    throw brokenClone(clone, `.git/${name} cannot be written`, cause);
  });
}

/** Takes away an unfinished operation's leftovers and stale locks, which would confuse the next agent. */
export async function clearGitState(clone: string): Promise<void> {
  for (const name of [...Object.keys(OPERATIONS), 'MERGE_MSG', 'MERGE_MODE', 'index.lock', 'HEAD.lock']) {
    await rm(join(clone, '.git', name), { recursive: true, force: true });
  }
}

export function brokenClone(clone: string, reason: string, cause?: unknown): AppError {
  return new AppError(`the git directory of ${clone} was changed: ${reason}`, {
    code: 'workspace.clone_broken',
    hint: 'retry the task with a reset; its files are salvaged first',
    cause,
    facts: { clone, reason },
  });
}

export async function lstatOrNull(path: string | Buffer) {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
}

/** Where a file below `.git` is, when every folder on the way is a plain one. */
export async function plainGitFile(clone: string, name: string): Promise<string | null> {
  let path = join(clone, '.git');
  for (const part of name.split('/')) {
    if ((await lstatOrNull(path))?.isDirectory() !== true) return null;
    path = join(path, part);
  }
  return path;
}

/** A plain file's text; null for anything else, and for a file larger than the limit. */
export async function readSmall(path: string, maxBytes: number): Promise<string | null> {
  return (await readSmallBytes(path, maxBytes))?.toString('utf8') ?? null;
}

/** As `readSmall`, its bytes. */
export async function readSmallBytes(path: string, maxBytes: number): Promise<Buffer | null> {
  const opened = await openRegular(path);
  if (opened === null) return null;
  try {
    return opened.size <= maxBytes ? await opened.file.readFile() : null;
  } finally {
    await opened.file.close();
  }
}

async function brokenGitDir(clone: string): Promise<string | null> {
  for (const name of ['', '.git', '.git/objects', '.git/refs', '.git/refs/heads']) {
    const stat = await lstatOrNull(join(clone, name));
    if (stat === null || !stat.isDirectory())
      return `${name === '' ? 'the clone' : name} is not a plain directory`;
  }
  for (const name of ['.git/objects/info', '.git/objects/pack']) {
    const stat = await lstatOrNull(join(clone, name));
    if (stat !== null && !stat.isDirectory()) return `${name} is not a plain directory`;
  }
  return null;
}

async function readPackedRefs(clone: string): Promise<Map<string, string>> {
  const text = await readSmall(join(clone, '.git', 'packed-refs'), MAX_PACKED_REFS_BYTES);
  const refs = new Map<string, string>();
  for (const line of text?.split('\n') ?? []) {
    const [commit, ref] = line.split(' ');
    if (commit !== undefined && ref !== undefined && isCommitId(commit)) refs.set(ref, commit);
  }
  return refs;
}
