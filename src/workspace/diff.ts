import { lineOf } from './git.ts';
import { checkCommit } from './names.ts';
import { shownPath, splitRaw } from './paths.ts';
import { baseCommit } from './refs.ts';
import { type Context, inBare, type Repository } from './repository.ts';

export interface Commit {
  readonly sha: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly subject: string;
  /** Epoch milliseconds. */
  readonly committedAt: number;
}

export interface FileChange {
  readonly path: string;
  readonly status: 'added' | 'modified' | 'deleted' | 'renamed' | 'type_changed';
  /** Only for `renamed`. */
  readonly from?: string;
  /** Lines; null for a binary file. */
  readonly added: number | null;
  readonly deleted: number | null;
}

export interface Diff {
  readonly files: readonly FileChange[];
  readonly stat: { readonly files: number; readonly added: number; readonly deleted: number };
}

const MAX_COMMITS = 500;
const MAX_PATHS = 5000;
const MAX_PATHS_BYTES = 4 * 1024 * 1024;
const MAX_PATCH_BYTES = 512 * 1024;
const STATUS: Readonly<Record<string, FileChange['status']>> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
  R: 'renamed',
  T: 'type_changed',
  C: 'added',
};
const DIFF_ARGS = ['diff-tree', '-r', '-z', '-M', '--no-ext-diff', '--no-textconv', '--no-commit-id'];

export const PATCH_ARGS = ['diff-tree', '-r', '-p', '-M', '--no-ext-diff', '--no-textconv', '--no-commit-id'];

/** What changed from one commit to another, compared directly (not from their common ancestor). */
export async function diffCommits(
  context: Context,
  project: string,
  from: string,
  to: string,
): Promise<Diff> {
  const range = ['--end-of-options', checkCommit(from), checkCommit(to)];
  const [names, counts] = await Promise.all([
    inBare(context, project, [...DIFF_ARGS, '--name-status', ...range]),
    inBare(context, project, [...DIFF_ARGS, '--numstat', ...range]),
  ]);
  const lines = parseNumstat(counts.stdout);
  const files: FileChange[] = [];
  const parts = splitRaw(names.stdout);
  for (let i = 0; i < parts.length; ) {
    const letter = (parts[i] ?? '').charAt(0);
    const moved = letter === 'R' || letter === 'C';
    const source = parts[i + 1];
    const path = parts[i + (moved ? 2 : 1)];
    i += moved ? 3 : 2;
    if (source === undefined || path === undefined) break;
    const count = lines.get(path) ?? { added: null, deleted: null };
    files.push({
      path: shownPath(path),
      status: STATUS[letter] ?? 'modified',
      ...(letter === 'R' ? { from: shownPath(source) } : {}),
      ...count,
    });
  }
  const sum = (pick: (file: FileChange) => number | null) =>
    files.reduce((total, file) => total + (pick(file) ?? 0), 0);
  return {
    files,
    stat: { files: files.length, added: sum((file) => file.added), deleted: sum((file) => file.deleted) },
  };
}

/**
 * Files that a commit changes against the base as last fetched, measured from where it left the base;
 * a renamed file counts under both names. Null when that cannot be told: no common history, or more
 * than 5000 files.
 */
export async function changedAgainstBase(
  context: Context,
  repo: Repository,
  head: string,
): Promise<string[] | null> {
  const base = await baseCommit(context, repo);
  const fork = await inBare(
    context,
    repo.project,
    ['merge-base', '--end-of-options', base, checkCommit(head)],
    { okCodes: [0, 1] },
  );
  if (fork.exitCode !== 0) return null;
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--no-ext-diff', '--no-commit-id', '--name-only'];
  const range = ['--end-of-options', checkCommit(lineOf(fork)), head];
  const changed = await inBare(context, repo.project, [...args, ...range], { cutAtBytes: MAX_PATHS_BYTES });
  const paths = splitRaw(changed.stdout).map(shownPath);
  return changed.cut || paths.length > MAX_PATHS ? null : paths;
}

/** The patch as text, cut at `maxBytes`. */
export async function patchBetween(
  context: Context,
  project: string,
  from: string,
  to: string,
  maxBytes = MAX_PATCH_BYTES,
): Promise<{ text: string; cut: boolean }> {
  const args = [...PATCH_ARGS, '--end-of-options', checkCommit(from), checkCommit(to)];
  const output = await inBare(context, project, args, { cutAtBytes: maxBytes });
  return { text: output.stdout.toString('utf8'), cut: output.cut };
}

/** Commits reachable from `to` and not from `from`, newest first; the newest 500. */
export async function commitsBetween(
  context: Context,
  project: string,
  from: string,
  to: string,
): Promise<Commit[]> {
  const args = [
    'log',
    `--max-count=${MAX_COMMITS}`,
    '-z',
    '--format=%H%x01%an%x01%ae%x01%ct%x01%s',
    '--end-of-options',
    `${checkCommit(from)}..${checkCommit(to)}`,
  ];
  return parseCommits((await inBare(context, project, args)).stdout.toString('utf8'));
}

function parseCommits(output: string): Commit[] {
  return output
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [sha = '', name = '', email = '', seconds = '0', ...subject] = entry.split('\u0001');
      return {
        sha,
        author: { name, email },
        subject: subject.join(' '),
        committedAt: Number(seconds) * 1000,
      };
    });
}

/** The sums of `--numstat -z`. */
export function statOf(output: Buffer): Diff['stat'] {
  const lines = [...parseNumstat(output).values()];
  const sum = (pick: (line: (typeof lines)[number]) => number | null) =>
    lines.reduce((total, line) => total + (pick(line) ?? 0), 0);
  return { files: lines.length, added: sum((line) => line.added), deleted: sum((line) => line.deleted) };
}

/** `added TAB deleted TAB path NUL`, or for a rename `added TAB deleted TAB NUL from NUL to NUL`. */
function parseNumstat(output: Buffer): Map<string, { added: number | null; deleted: number | null }> {
  const lines = new Map<string, { added: number | null; deleted: number | null }>();
  const parts = splitRaw(output);
  const count = (text: string | undefined) => (text === undefined || text === '-' ? null : Number(text));
  for (let i = 0; i < parts.length; i += 1) {
    const [added, deleted, ...name] = (parts[i] ?? '').split('\t');
    const path = name.join('\t');
    if (path !== '') lines.set(path, { added: count(added), deleted: count(deleted) });
    else {
      lines.set(parts[i + 2] ?? '', { added: count(added), deleted: count(deleted) });
      i += 2;
    }
  }
  return lines;
}
