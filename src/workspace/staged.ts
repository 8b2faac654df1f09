import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { plainGitFile, readSmallBytes } from './clone-files.ts';
import { saidIn } from './git.ts';
import { cloneObjects } from './incoming.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { type RawPath, shownPath, splitRaw } from './paths.ts';
import { commitTree } from './refs.ts';
import { type Context, inBare, type Repository } from './repository.ts';

/** What the clone's index holds and nothing else does. */
export interface Staged {
  /** A commit without parents whose tree has just those files; null when there are none. */
  readonly commit: string | null;
  /** What could not be kept, in words. */
  readonly problems: readonly string[];
}

interface Entry {
  readonly mode: string;
  readonly id: string;
  /** 0; 1, 2 and 3 are the sides of a conflict. */
  readonly stage: string;
  readonly path: RawPath;
}

const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const MAX_STAGED_BYTES = 64 * 1024 * 1024;
const MAX_PROBLEMS = 20;
const UNUSUAL = /(?:^|\/)\.git(?:\/|$)/i;

/**
 * Keeps versions of files that were staged and then changed or deleted on disk. Call it when the
 * working tree and the commits of the clone are in the bare repository already.
 */
export async function keepStaged(context: Context, repo: Repository, clone: string): Promise<Staged> {
  const { project } = repo;
  const file = await plainGitFile(clone, 'index');
  const index = file === null ? null : await readSmallBytes(file, MAX_INDEX_BYTES);
  if (index === null) return { commit: null, problems: [] };
  try {
    const contents = new Map<string, Buffer>();
    const problems: string[] = [];
    const entries = await withOwnGitDir(
      context,
      { project, objectDirs: [cloneObjects(clone)], scratch: true },
      async (dir) => {
        await writeFile(join(dir.path, 'staged'), index);
        const call = { gitDir: dir.path, indexFile: join(dir.path, 'staged') };
        const listed = splitRaw((await context.git(['ls-files', '--stage', '-z'], call)).stdout).map(parse);
        const missing = await missingIn(context, project, listed);
        let total = 0;
        for (const entry of listed.filter((each) => missing.has(each.id))) {
          const asked = await context.git(['cat-file', 'blob', entry.id], {
            ...call,
            okCodes: [0, 1, 128],
            cutAtBytes: MAX_STAGED_BYTES,
          });
          total += asked.stdout.length;
          if (asked.exitCode === 0 && !asked.cut && total <= MAX_STAGED_BYTES)
            contents.set(entry.id, asked.stdout);
          else problems.push(`${shownPath(entry.path)}, as it was staged, is too large or unreadable`);
        }
        return listed.filter(({ id, path }) => contents.has(id) && !UNUSUAL.test(path));
      },
    );
    const told = problems.slice(0, MAX_PROBLEMS);
    if (entries.length === 0) return { commit: null, problems: told };
    return { commit: await record(context, repo, entries, contents), problems: told };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'workspace.git_failed') throw error;
    return { commit: null, problems: [`what was staged could not be read: ${saidIn(error)}`] };
  }
}

function parse(line: RawPath): Entry {
  const tab = line.indexOf('\t');
  const [mode = '', id = '', stage = ''] = line.slice(0, tab).split(' ');
  return { mode, id, stage, path: line.slice(tab + 1) as RawPath };
}

/** Which blobs the bare repository does not have; submodule commits are never looked for. */
async function missingIn(context: Context, project: string, entries: readonly Entry[]): Promise<Set<string>> {
  const ids = new Set(entries.filter(({ mode }) => mode !== '160000').map(({ id }) => id));
  if (ids.size === 0) return ids;
  const stdin = [...ids].map((id) => `${id}\n`).join('');
  const output = await inBare(context, project, ['cat-file', '--batch-check'], { stdin });
  const lines = output.stdout.toString('utf8').split('\n');
  return new Set(lines.filter((line) => line.endsWith(' missing')).map((line) => line.split(' ')[0] ?? ''));
}

async function record(
  context: Context,
  repo: Repository,
  entries: readonly Entry[],
  contents: ReadonlyMap<string, Buffer>,
): Promise<string> {
  return withOwnGitDir(context, { project: repo.project, raw: true }, async (dir) => {
    const folder = join(dir.path, 'blobs');
    await mkdir(folder);
    const places = [...contents.keys()].map((id) => join(folder, id));
    for (const [id, bytes] of contents) await writeFile(join(folder, id), bytes);
    const call = { ...dir.call(folder), config: ['core.protectNTFS=false', 'core.protectHFS=false'] };
    await context.git(['hash-object', '-w', '--no-filters', '--stdin-paths'], {
      ...call,
      stdin: places.map((place) => `${place}\n`).join(''),
    });
    const lines = entries.map(
      ({ mode, id, stage, path }) => `${mode} ${id} 0\t${path}${stage === '0' ? '' : `~${stage}`}\0`,
    );
    await context.git(['update-index', '-z', '--index-info'], {
      ...call,
      stdin: Buffer.from(lines.join(''), 'latin1'),
    });
    const tree = (await context.git(['write-tree'], call)).stdout.toString('utf8').trim();
    return commitTree(context, repo, tree, [], 'Staged, but neither committed nor on disk');
  });
}
