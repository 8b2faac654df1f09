import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../lib/assert.ts';
import {
  brokenClone,
  type CloneHead,
  clearGitState,
  lstatOrNull,
  readHead,
  writeGitFile,
} from './clone-files.ts';
import { lineOf } from './git.ts';
import { mendClone } from './mend.ts';
import { checkBranch, checkCommit, checkProject, safeName } from './names.ts';
import { OUR_EXCLUDES, packedRefs, withOwnGitDir } from './own-git-dir.ts';
import { baseCommit, moveRef, resolveRef, setRef } from './refs.ts';
import { openFolders, removeTree } from './remove-tree.ts';
import { barePath, type Context, fetchRemote, inBare, type Repository } from './repository.ts';

export interface PrepareRequest {
  readonly key: string;
  /** The task branch; null checks out `startPoint` with no branch, for commands on a fixed commit. */
  readonly branch: string | null;
  /** Where a new branch begins; default the base. Ignored when the branch or the clone exists. */
  readonly startPoint?: string;
}

export interface PreparedClone {
  readonly path: string;
  /** HEAD of the clone. */
  readonly head: string;
  /** The base branch as just fetched. */
  readonly base: string;
  /** False: the clone was there and stays as it is, uncommitted changes included. */
  readonly created: boolean;
}

export function clonePath(context: Context, project: string, key: string): string {
  return join(context.worktreesDir, checkProject(project), safeName(key));
}

/**
 * Fetches, then gives the task its own clone: a plain directory with its own `.git` that borrows
 * objects from the bare repository and knows no remote, no URL and no credential. Call it locked.
 */
export async function prepareClone(
  context: Context,
  repo: Repository,
  request: PrepareRequest,
): Promise<PreparedClone> {
  if (request.branch !== null) checkBranch(request.branch);
  await fetchRemote(context, repo);
  const base = await baseCommit(context, repo);
  const path = clonePath(context, repo.project, request.key);
  if ((await lstatOrNull(path)) !== null)
    return { path, head: await refreshClone(context, repo, request, path), base, created: false };
  const head =
    request.branch === null
      ? checkCommit(request.startPoint ?? base)
      : await startBranch(context, repo, request.branch, request.startPoint ?? base);
  await buildClone(context, repo, path, request.branch, head);
  return { path, head, base, created: true };
}

/** An existing clone keeps its work; only what git in there needs from us is put right. */
async function refreshClone(
  context: Context,
  repo: Repository,
  request: PrepareRequest,
  path: string,
): Promise<string> {
  await openGitDir(path);
  const head = commitOf(await readHead(path), path);
  await repairClone(context, repo.project, path);
  await mendClone(context, repo.project, path, head);
  for (const branch of [repo.base, request.branch]) {
    const commit =
      branch === null ? null : await resolveRef(context, repo.project, `refs/remotes/origin/${branch}`);
    if (commit !== null) await writeGitFile(path, `refs/remotes/origin/${branch}`, `${commit}\n`);
  }
  return head;
}

/** An agent may have shut its clone, or folders of its `.git`, also for their owner. */
export async function openGitDir(path: string): Promise<void> {
  const stat = await lstatOrNull(path);
  if (stat?.isDirectory() === true && (stat.mode & 0o700) !== 0o700) await chmod(path, stat.mode | 0o700);
  await openFolders(join(path, '.git'));
}

/** Objects come from our bare repository and nowhere else, and the task folder stays ignored. */
export async function repairClone(context: Context, project: string, path: string): Promise<void> {
  const wanted = alternatesOf(context, project);
  const file = join(path, '.git', 'objects', 'info', 'alternates');
  const stat = await lstatOrNull(file);
  const present = stat?.isFile() === true && stat.size < 10_000 ? await readFile(file, 'utf8') : null;
  if (present !== wanted) await writeGitFile(path, 'objects/info/alternates', wanted);
  await rm(join(path, '.git', 'objects', 'info', 'http-alternates'), { force: true });
  await writeGitFile(path, 'info/exclude', OUR_EXCLUDES);
}

/** The branch as Orch has it, else as the remote has it (then its commits are other people's), else new. */
async function startBranch(
  context: Context,
  repo: Repository,
  branch: string,
  startPoint: string,
): Promise<string> {
  const ref = `refs/heads/${branch}`;
  const ours = await resolveRef(context, repo.project, ref);
  if (ours !== null) return ours;
  const theirs = await resolveRef(context, repo.project, `refs/remotes/origin/${branch}`);
  const head = theirs ?? checkCommit(startPoint);
  await moveRef(context, repo.project, ref, head, null);
  if (theirs !== null) await setRef(context, repo.project, `refs/orch/people/${branch}`, theirs);
  return head;
}

/** Made beside its place and renamed, so that a half-made clone never counts as one. */
async function buildClone(
  context: Context,
  repo: Repository,
  path: string,
  branch: string | null,
  head: string,
): Promise<void> {
  const draft = join(
    context.worktreesDir,
    checkProject(repo.project),
    `.draft-${randomBytes(6).toString('hex')}`,
  );
  try {
    await mkdir(draft, { recursive: true });
    await writeGitDir(context, repo, draft, branch, head);
    await withOwnGitDir(context, { project: repo.project }, async (dir) => {
      const call = dir.call(draft);
      await context.git(['read-tree', '--reset', '-u', head], call);
      await writeGitFile(draft, 'index', await readFile(call.indexFile));
    });
    await rename(draft, path);
  } finally {
    await removeTree(draft);
  }
}

/** A fresh `.git`, replacing whatever is there. */
export async function writeGitDir(
  context: Context,
  repo: Repository,
  path: string,
  branch: string | null,
  head: string,
): Promise<void> {
  await removeTree(join(path, '.git'));
  for (const dir of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags', 'info', 'hooks'])
    await mkdir(join(path, '.git', dir), { recursive: true });
  await writeGitFile(path, 'config', cloneConfig(repo));
  await writeGitFile(path, 'info/exclude', OUR_EXCLUDES);
  await writeGitFile(path, 'objects/info/alternates', alternatesOf(context, repo.project));
  await writeGitFile(path, 'packed-refs', packedRefs(await sharedRefs(context, repo, branch)));
  await pointHead(path, branch, head);
}

/** Sets HEAD and the branch as plain data. */
async function pointHead(path: string, branch: string | null, head: string): Promise<void> {
  if (branch !== null) await writeGitFile(path, `refs/heads/${branch}`, `${head}\n`);
  await writeGitFile(path, 'HEAD', branch === null ? `${head}\n` : `ref: refs/heads/${branch}\n`);
}

/** Brings HEAD, branch and index of the clone to a commit whose files are already in place. */
export async function settleClone(
  path: string,
  branch: string | null,
  head: string,
  index: Uint8Array,
): Promise<void> {
  await pointHead(path, branch, head);
  await writeGitFile(path, 'index', index);
  await clearGitState(path);
}

/** HEAD's commit, or `workspace.clone_broken`. */
export function commitOf(head: CloneHead, path: string): string {
  switch (head.kind) {
    case 'branch':
    case 'detached':
      return head.commit;
    case 'unborn':
      throw brokenClone(path, `branch ${head.branch} has no commit`);
    case 'broken':
      throw brokenClone(path, head.reason);
  }
}

function alternatesOf(context: Context, project: string): string {
  const dir = join(barePath(context, project), 'objects');
  assert(
    !dir.includes('\n') && dir.startsWith('/'),
    'the repositories folder is an absolute path on one line',
  );
  return `${dir}\n`;
}

/** What the agent may look at besides its branch: base, its own remote branch, and tags for builds. */
async function sharedRefs(
  context: Context,
  repo: Repository,
  branch: string | null,
): Promise<Record<string, string>> {
  const wanted = [
    'refs/tags',
    `refs/remotes/origin/${repo.base}`,
    ...(branch === null ? [] : [`refs/remotes/origin/${branch}`]),
  ];
  const listed = lineOf(
    await inBare(context, repo.project, [
      'for-each-ref',
      '--format=%(objectname) %(refname)',
      '--',
      ...wanted,
    ]),
  );
  return Object.fromEntries(
    listed
      .split('\n')
      .flatMap((line) =>
        line === '' ? [] : [[line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' '))]],
      ),
  );
}

function cloneConfig(repo: Repository): string {
  const quoted = (text: string) => `"${text.replace(/[\r\n\0]+/g, ' ').replace(/["\\]/g, '\\$&')}"`;
  return `[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	logallrefupdates = true
[user]
	name = ${quoted(repo.author.name)}
	email = ${quoted(repo.author.email)}
[gc]
	auto = 0
`;
}
