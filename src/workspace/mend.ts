import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brokenClone, plainGitFile, readSmallBytes, writeGitFile } from './clone-files.ts';
import { cloneObjects } from './incoming.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { resolveRef } from './refs.ts';
import type { Context } from './repository.ts';
import { loadIndex } from './scan.ts';

const MAX_INDEX_BYTES = 256 * 1024 * 1024;
/** Left by a git that was killed; no process of an earlier run lives when a clone is prepared. */
const LOCKS = ['index.lock', 'HEAD.lock', 'config.lock', 'packed-refs.lock'];

/**
 * Takes away what would stop the next agent's git: locks of a killed one, an index that cannot be read.
 * Throws `workspace.clone_broken` when the history of HEAD is not all there: nothing could be measured
 * or taken at the end of the run.
 */
export async function mendClone(
  context: Context,
  project: string,
  path: string,
  head: string,
): Promise<void> {
  for (const name of LOCKS) await rm(join(path, '.git', name), { recursive: true, force: true });
  await withOwnGitDir(context, { project, objectDirs: [cloneObjects(path)], scratch: true }, async (dir) => {
    const call = dir.call(path);
    if ((await resolveRef(context, project, head)) === null) {
      const walk = ['rev-list', '--quiet', '--objects', '--end-of-options', head];
      const walked = await context.git(walk, { gitDir: dir.path, okCodes: [0, 1, 128] });
      if (walked.exitCode !== 0)
        throw brokenClone(path, `the history of commit ${head.slice(0, 7)} cannot be read`);
    }
    const file = await plainGitFile(path, 'index');
    const index = file === null ? null : await readSmallBytes(file, MAX_INDEX_BYTES);
    if (index !== null) {
      await writeFile(call.indexFile, index);
      const listed = ['ls-files', '--error-unmatch', '--', 'none'];
      if ((await context.git(listed, { ...call, okCodes: [0, 1, 128] })).exitCode !== 128) return;
    }
    await rm(call.indexFile, { force: true });
    await loadIndex(context, call, head);
    await writeGitFile(path, 'index', await readFile(call.indexFile));
  });
}
