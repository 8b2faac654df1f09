import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitCall } from './git.ts';
import { buildFolder, rebuiltFolder } from './left-out.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { packRaw, type RawPath, splitRaw } from './paths.ts';
import { type Context, inBare } from './repository.ts';
import { WORK_FOLDER } from './work-folder.ts';

/** Files that git ignores in a working tree, told apart by the project's own rules. */
export interface IgnoredFiles {
  /** Hidden only by rules that are not the project's, or in the way of a file it tracks. */
  readonly hidden: readonly RawPath[];
  /** The same, but output of a build. */
  readonly output: readonly RawPath[];
  /** Its folders, with a trailing slash. */
  readonly built: readonly RawPath[];
  /** Ignored by the project: by file or whole folder, with a trailing slash. */
  readonly expendable: readonly RawPath[];
}

/**
 * The rules in a working tree are the agent's to write: one line `*` would hide all of its work from a
 * salvage, and be gone after the reset that follows. So only the rules of a commit of ours count.
 */
export async function ignoredFiles(
  context: Context,
  call: GitCall & { readonly workTree: string },
  project: string,
  rules: string,
): Promise<IgnoredFiles> {
  const listed = ['ls-files', '-z', '--others', '--ignored', '--exclude-standard'];
  const rebuilt = new Set<RawPath>();
  const all = splitRaw((await context.git(listed, call)).stdout).filter((path) => {
    const folder = rebuiltFolder(path);
    if (folder !== null) rebuilt.add(folder);
    return folder === null && !path.startsWith(`${WORK_FOLDER}/`);
  });
  if (all.length === 0) return { hidden: [], output: [], built: [], expendable: [...rebuilt] };
  const tracked = await trackedIn(context, project, rules);
  const byRules = await ignoredBy(context, project, rules, tracked.ruleFiles, all);
  const going = all.filter((path) => !byRules.has(path) || tracked.collides(path));
  const built = new Set<RawPath>();
  const hidden: RawPath[] = [];
  const output: RawPath[] = [];
  for (const path of going) {
    const folder = buildFolder(path, (name) => tracked.folders.has(name));
    if (folder !== null) built.add(folder);
    (folder === null ? hidden : output).push(path);
  }
  const isGoing = new Set(going);
  const expendable = new Set(
    all.filter((path) => !isGoing.has(path)).map((path) => wholeFolder(path, tracked.folders)),
  );
  return { hidden, output, built: [...built], expendable: [...rebuilt, ...expendable] };
}

/** Which of the paths the rules of that commit ignore, wherever they lie on disk now. */
async function ignoredBy(
  context: Context,
  project: string,
  commit: string,
  ruleFiles: readonly RawPath[],
  paths: readonly RawPath[],
): Promise<Set<RawPath>> {
  return withOwnGitDir(context, { project, raw: true, scratch: true }, async (dir) => {
    const tree = join(dir.path, 'rules');
    await mkdir(tree);
    const call = dir.call(tree);
    await context.git(['read-tree', commit], call);
    await context.git(['checkout-index', '--quiet', '-z', '--stdin'], { ...call, stdin: packRaw(ruleFiles) });
    // `./` keeps a name that begins with a colon from being read as pathspec magic.
    const asked = paths.map((path) => `./${path}` as RawPath);
    const output = await context.git(['check-ignore', '-z', '--no-index', '--stdin'], {
      ...call,
      indexFile: `${call.indexFile}.none`,
      env: { GIT_LITERAL_PATHSPECS: '0' }, // which this command refuses
      stdin: packRaw(asked),
      okCodes: [0, 1],
    });
    return new Set(splitRaw(output.stdout).map((path) => path.replace(/^\.\//, '') as RawPath));
  });
}

async function trackedIn(context: Context, project: string, commit: string) {
  const args = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', '--end-of-options', commit];
  const files = new Set(splitRaw((await inBare(context, project, args)).stdout));
  const folders = new Set<RawPath>();
  for (const path of files) for (const folder of foldersAbove(path)) folders.add(folder);
  return {
    folders,
    ruleFiles: [...files].filter((path) => /(?:^|\/)\.gitignore$/.test(path)),
    /** A checkout of the commit would overwrite it, or remove it to make room. */
    collides: (path: RawPath) =>
      files.has(path) ||
      folders.has(`${path}/` as RawPath) ||
      foldersAbove(path).some((folder) => files.has(folder.slice(0, -1) as RawPath)),
  };
}

/** The outermost folder of the path in which nothing is tracked; the path itself if there is none. */
function wholeFolder(path: RawPath, trackedFolders: ReadonlySet<RawPath>): RawPath {
  return foldersAbove(path).find((folder) => !trackedFolders.has(folder)) ?? path;
}

function foldersAbove(path: RawPath): RawPath[] {
  const folders: RawPath[] = [];
  for (let at = path.indexOf('/'); at !== -1 && at < path.length - 1; at = path.indexOf('/', at + 1))
    folders.push(path.slice(0, at + 1) as RawPath);
  return folders;
}
