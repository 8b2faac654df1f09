import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lstatOrNull, readGitText, readHead, readRef } from './clone-files.ts';
import { isCommitId } from './names.ts';

/** Every commit that a clone names, read as plain data. Keys are words git understands where it has some. */
export interface NamedCommits {
  /** HEAD, branches, tags, the stash, and what an unfinished operation remembers. */
  readonly heads: ReadonlyMap<string, string>;
  /** Where those were before, newest first: amended, rewritten and dropped commits, older stashes. */
  readonly earlier: ReadonlyMap<string, string>;
  /** What was not read because a limit was reached, in words. */
  readonly cut: readonly string[];
}

const MAX_REFS = 1000;
const MAX_EARLIER = 1000;
const MAX_DEPTH = 12;
const MAX_REFS_BYTES = 8 * 1024 * 1024;
const MAX_LOG_BYTES = 4 * 1024 * 1024;
/** Files in which git remembers a commit while a merge, rebase, cherry-pick or bisect waits. */
const REMEMBERED = [
  'MERGE_HEAD',
  'CHERRY_PICK_HEAD',
  'REVERT_HEAD',
  'REBASE_HEAD',
  'MERGE_AUTOSTASH',
  'ORIG_HEAD',
  'rebase-merge/orig-head',
  'rebase-merge/autostash',
  'rebase-apply/orig-head',
  'rebase-apply/autostash',
];

/** Nothing when the object store is not a plain folder: what is named then cannot be read anyway. */
export async function namedCommits(clone: string): Promise<NamedCommits> {
  const heads = new Map<string, string>();
  const earlier = new Map<string, string>();
  const cut: string[] = [];
  for (const folder of ['.git', '.git/objects']) {
    if ((await lstatOrNull(join(clone, folder)))?.isDirectory() !== true) return { heads, earlier, cut };
  }
  const head = await readHead(clone);
  if (head.kind === 'branch' || head.kind === 'detached') heads.set('HEAD', head.commit);
  await readBranches(clone, heads, cut);
  for (const name of REMEMBERED) {
    const text = await readGitText(clone, name, MAX_REFS_BYTES);
    for (const [n, line] of (text ?? '').split('\n').entries())
      if (isCommitId(line.trim())) heads.set(n === 0 ? name : `${name} ${n + 1}`, line.trim());
  }
  const worktrees = await filesBelow(clone, 'worktrees', (name) => name.endsWith('/HEAD'));
  for (const name of worktrees.filter((each) => !each.includes('/logs/'))) {
    const commit = (await readGitText(clone, name, MAX_REFS_BYTES))?.trim();
    if (commit !== undefined && isCommitId(commit)) heads.set(name, commit);
  }
  const logs = await filesBelow(clone, 'logs', () => true);
  // The stash first: its older entries are nowhere else.
  logs.sort((a, b) => Number(b === 'logs/refs/stash') - Number(a === 'logs/refs/stash'));
  const taken = new Set(heads.values());
  for (const name of [...logs, ...worktrees.filter((each) => each.includes('/logs/'))])
    await readLog(clone, name, taken, earlier, cut);
  return { heads, earlier, cut };
}

async function readBranches(clone: string, heads: Map<string, string>, cut: string[]): Promise<void> {
  const names = await filesBelow(clone, 'refs', () => true);
  const packed = await readPacked(clone, cut);
  for (const name of new Set(['refs/stash', ...names, ...packed.keys()])) {
    if (!name.startsWith('refs/') || name.startsWith('refs/remotes/origin/')) continue;
    if (heads.size >= MAX_REFS) return void cut.push(`only ${MAX_REFS} branches and tags were looked at`);
    const ref = await readRef(clone, name);
    const commit = ref.kind === 'at' ? ref.commit : packed.get(name);
    if (commit !== undefined) heads.set(name, commit);
  }
}

async function readPacked(clone: string, cut: string[]): Promise<Map<string, string>> {
  const refs = new Map<string, string>();
  const stat = await lstatOrNull(join(clone, '.git', 'packed-refs'));
  if (stat === null) return refs;
  const text = await readGitText(clone, 'packed-refs', MAX_REFS_BYTES);
  if (text === null) cut.push('packed-refs is too large or no plain file');
  for (const line of text?.split('\n') ?? []) {
    const [commit, ref] = line.split(' ');
    if (commit !== undefined && ref !== undefined && isCommitId(commit)) refs.set(ref, commit);
  }
  return refs;
}

/** Entries `name@{n}` as git counts them: `n` is 0 for the newest, which the ref itself names. */
async function readLog(
  clone: string,
  file: string,
  taken: Set<string>,
  earlier: Map<string, string>,
  cut: string[],
): Promise<void> {
  const text = await readGitText(clone, file, MAX_LOG_BYTES);
  if (text === null) return void cut.push(`.git/${file} is too large or no plain file`);
  const lines = text.split('\n').filter((line) => line !== '');
  const name = file.replace('/logs/', '/').replace(/^logs\//, '');
  for (const [n, line] of lines.reverse().entries()) {
    const [before = '', after = ''] = line.split(' ');
    for (const [at, commit] of [
      [n, after],
      [n + 1, before],
    ] as const) {
      if (!isCommitId(commit) || /^0+$/.test(commit) || taken.has(commit)) continue;
      if (earlier.size >= MAX_EARLIER)
        return void cut.push(`only ${MAX_EARLIER} entries of the logs of the clone were looked at`);
      taken.add(commit);
      earlier.set(`${name}@{${at}}`, commit);
    }
  }
}

/** Plain files below a folder of `.git`, by their path in there; symlinked folders are not entered. */
async function filesBelow(
  clone: string,
  folder: string,
  wanted: (name: string) => boolean,
  depth = 0,
): Promise<string[]> {
  const place = join(clone, '.git', folder);
  if (depth > MAX_DEPTH || (await lstatOrNull(place))?.isDirectory() !== true) return [];
  const found: string[] = [];
  for (const entry of await readdir(place, { withFileTypes: true })) {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesBelow(clone, name, wanted, depth + 1)));
    else if (entry.isFile() && wanted(name)) found.push(name);
  }
  return found;
}
