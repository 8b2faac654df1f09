import { constants } from 'node:fs';
import { lstat, mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, messageOf } from '../core/errors.ts';

/**
 * Puts the project's own files (`workspace.copy`) into a clone, anew for each run: they may have changed.
 * The clone belongs to an agent, so no symlink in it is followed: it could point anywhere.
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
    const target = join(clone, to);
    await makeFolder(clone, dirname(to));
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
    const file = await open(target, flags, 0o600).catch((error: unknown) => {
      throw trouble(`cannot write ${to} into the worktree: ${messageOf(error)}`, 'look at the worktree');
    });
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
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
