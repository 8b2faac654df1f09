import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, messageOf } from '../core/errors.ts';

/**
 * Puts the project's own files (`workspace.copy`) into a clone, anew for each run: they may have changed.
 * The clone belongs to an agent, so no link in it is followed: it could point anywhere.
 */
export async function copyFiles(
  files: readonly { readonly from: string; readonly to: string }[],
  clone: string,
): Promise<void> {
  for (const { from, to } of files) {
    const content = await readFile(from).catch((error: unknown) => {
      throw trouble(
        `cannot read ${from}: ${messageOf(error)}`,
        'correct workspace.copy, or put the file there',
      );
    });
    await putFile(clone, to, content);
  }
}

/** Writes one file into a clone. What lies in its place goes; no link on its way is followed. */
export async function putFile(clone: string, to: string, content: Uint8Array | string): Promise<void> {
  const target = join(clone, to);
  await makeFolder(clone, dirname(to));
  // Beside its place and renamed: what lies there may be a pipe, read-only, or one file with another outside.
  const draft = `${target}.orch-${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(draft, content, { mode: 0o600, flag: 'wx' });
    await rename(draft, target);
  } catch (error) {
    throw trouble(`cannot write ${to} into the worktree: ${messageOf(error)}`, 'look at the worktree');
  } finally {
    await rm(draft, { force: true });
  }
}

async function makeFolder(clone: string, folder: string): Promise<void> {
  let path = clone;
  for (const part of folder.split('/').filter((each) => each !== '' && each !== '.')) {
    path = join(path, part);
    const found = await lstat(path).catch(() => null);
    if (found === null) await mkdir(path);
    else if (!found.isDirectory())
      throw trouble(`${path} is not a folder: nothing is copied through it`, 'look at the worktree');
  }
}

function trouble(what: string, hint: string): AppError {
  return new AppError(what, { code: 'workspace.setup_failed', hint });
}
