import { checkCommit, isInnerPath } from './names.ts';
import { type RawPath, shownPath, splitRaw } from './paths.ts';
import { type Context, inBare } from './repository.ts';

/** Paths asked for in one call of git, whose arguments have a limit. */
const AT_ONCE = 200;

/** Which of these paths are plain files of a commit; symlinks and folders are not. */
export async function plainFilesAt(
  context: Context,
  project: string,
  commit: string,
  paths: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const asked = paths.filter(isInnerPath);
  for (let at = 0; at < asked.length; at += AT_ONCE) {
    const some = asked.slice(at, at + AT_ONCE);
    const listed = await inBare(context, project, [
      'ls-tree',
      '-z',
      '--full-tree',
      checkCommit(commit),
      '--',
      ...some,
    ]);
    for (const line of splitRaw(listed.stdout)) {
      const [, path] = /^100\d{3} blob \S+\t(.+)$/s.exec(line) ?? [];
      if (path !== undefined) found.add(shownPath(path as RawPath));
    }
  }
  return found;
}
