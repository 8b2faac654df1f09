import { lstat, mkdir, readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { clonePath } from './clone.ts';
import { lstatOrNull } from './clone-files.ts';
import { readInnerFile } from './inner-file.ts';
import { safeName } from './names.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { onDisk, type RawPath, shownPath, splitRaw } from './paths.ts';
import { commitTree, resolveRef, setRef, treeOf } from './refs.ts';
import { type Context, type Repository } from './repository.ts';
import { writeSnapshot } from './scan.ts';

/** Where a task's documents lie in its clone; git there ignores it. */
export const WORK_FOLDER = '.orch-work';

export interface WorkFile {
  /** Relative to `.orch-work/`. */
  readonly name: string;
  readonly bytes: number;
}

export interface WorkSaved {
  readonly files: readonly WorkFile[];
  /** Not saved: symlinks, other special files, and what is over the limits. */
  readonly skipped: readonly string[];
}

const VERDICT = 'verdict.json';
const MAX_FILES = 1000;
const MAX_FILE_BYTES = 5 * 1024 * 1024;
const MAX_TOTAL_BYTES = 50 * 1024 * 1024;
const MAX_DEPTH = 8;
const MAX_READ_BYTES = 5 * 1024 * 1024;

export function workRef(key: string): string {
  return `refs/orch/work/${safeName(key)}`;
}

/** The plain files of the task's folder. A symlink is never one: it could show Orch a file from elsewhere. */
export async function listWork(context: Context, project: string, key: string): Promise<WorkSaved> {
  const { files, skipped } = await walk(join(clonePath(context, project, key), WORK_FOLDER));
  return { files: files.map(({ path, bytes }) => ({ name: shownPath(path), bytes })), skipped };
}

/** One document as text; null when it is absent, a symlink, or over 5 MiB. */
export async function readWork(
  context: Context,
  project: string,
  key: string,
  name: string,
): Promise<string | null> {
  const root = join(clonePath(context, project, key), WORK_FOLDER);
  const file = await readInnerFile(root, name, MAX_READ_BYTES);
  return file.kind === 'text' ? file.text : null;
}

/** Saves the folder to `refs/orch/work/<KEY>`, byte for byte; an unchanged one makes no commit. Call it locked. */
export async function saveWork(context: Context, repo: Repository, key: string): Promise<WorkSaved> {
  const folder = join(clonePath(context, repo.project, key), WORK_FOLDER);
  const { files, skipped } = await walk(folder);
  if (files.length > 0) {
    const tree = await withOwnGitDir(context, { project: repo.project, raw: true }, (dir) =>
      writeSnapshot(
        context,
        { ...dir.call(folder), config: ['core.protectNTFS=false'] },
        { deleted: [], modified: [] },
        files.map(({ path }) => path),
      ),
    );
    const before = await resolveRef(context, repo.project, workRef(key));
    if (before === null || (await treeOf(context, repo.project, before)) !== tree) {
      const commit = await commitTree(
        context,
        repo,
        tree,
        before === null ? [] : [before],
        `Work folder of ${key}`,
      );
      await setRef(context, repo.project, workRef(key), commit);
    }
  }
  return { files: files.map(({ path, bytes }) => ({ name: shownPath(path), bytes })), skipped };
}

/**
 * Readies the folder for a run: saved files that are missing come back (those present are newer than
 * the save, or equal), symlinks and a verdict of an earlier run go. Call it locked.
 */
export async function restoreWork(context: Context, repo: Repository, key: string): Promise<WorkSaved> {
  const clone = clonePath(context, repo.project, key);
  const folder = join(clone, WORK_FOLDER);
  const stat = await lstatOrNull(folder);
  if (stat !== null && !stat.isDirectory()) await unlink(folder);
  await mkdir(folder, { recursive: true });
  await dropSymlinks(folder, 0);
  await rm(join(folder, VERDICT), { recursive: true, force: true });
  const saved = await resolveRef(context, repo.project, workRef(key));
  if (saved !== null) {
    await withOwnGitDir(context, { project: repo.project, raw: true, scratch: true }, async (dir) => {
      const call = { ...dir.call(folder), config: ['core.protectNTFS=false'] };
      await context.git(['read-tree', saved], call);
      const present = new Set((await walk(folder)).files.map(({ path }) => path));
      const missing = splitRaw((await context.git(['ls-files', '-z'], call)).stdout).filter(
        (path) => !present.has(path) && path !== VERDICT,
      );
      if (missing.length === 0) return;
      // A folder or a special file may sit where a saved file belongs; git then keeps what is there and says so.
      await context.git(['checkout-index', '--quiet', '-z', '--stdin'], {
        ...call,
        stdin: Buffer.from(missing.map((path) => `${path}\0`).join(''), 'latin1'),
        okCodes: [0, 1, 128],
      });
    });
  }
  return listWork(context, repo.project, key);
}

async function dropSymlinks(folder: string, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) return;
  for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
    const place = Buffer.concat([Buffer.from(`${folder}/`), entry.name]);
    if (entry.isSymbolicLink()) await unlink(place);
    else if (entry.isDirectory())
      await dropSymlinks(place.toString('utf8'), depth + 1).catch(() => undefined); // a folder whose name is not UTF-8 is skipped by the save as well
  }
}

/** Plain files within the limits, in a stable order. */
async function walk(root: string): Promise<{ files: { path: RawPath; bytes: number }[]; skipped: string[] }> {
  const files: { path: RawPath; bytes: number }[] = [];
  const skipped: string[] = [];
  let total = 0;
  const visit = async (folder: RawPath | '', depth: number): Promise<void> => {
    const entries = await readdir(folder === '' ? root : onDisk(root, folder), {
      withFileTypes: true,
      encoding: 'buffer',
    });
    entries.sort((a, b) => Buffer.compare(a.name, b.name));
    for (const entry of entries) {
      const name = entry.name.toString('latin1');
      const path = (folder === '' ? name : `${folder}/${name}`) as RawPath;
      const isGit = /^\.git$/i.test(name);
      if (entry.isDirectory() && depth < MAX_DEPTH && !isGit) await visit(path, depth + 1);
      else if (!entry.isFile() || isGit) skipped.push(shownPath(path));
      else {
        const { size } = await lstat(onDisk(root, path));
        const fits = size <= MAX_FILE_BYTES && total + size <= MAX_TOTAL_BYTES && files.length < MAX_FILES;
        if (fits) files.push({ path, bytes: size });
        else skipped.push(shownPath(path));
        total += fits ? size : 0;
      }
    }
  };
  if ((await lstatOrNull(root))?.isDirectory() === true) await visit('', 0);
  return { files, skipped };
}
