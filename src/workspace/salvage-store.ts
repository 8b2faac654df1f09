import { mkdir, readdir } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { AppError } from '../core/errors.ts';
import { type Diff, diffCommits } from './diff.ts';
import { checkBranch, safeName } from './names.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { commitTree, moveRef, resolveRef, setRef } from './refs.ts';
import { type Context, inBare, type Repository } from './repository.ts';
import { parseNote, type SalvageNote } from './salvage.ts';
import { SALVAGE_REFS } from './salvage-heads.ts';
import { WORK_FOLDER } from './work-folder.ts';

export interface SalvageEntry {
  /** What `show`, `restore` and `prune` take: the ref without `refs/orch/salvage/`. */
  readonly name: string;
  readonly ref: string;
  readonly commit: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly note: SalvageNote;
}

/**
 * Where a salvage goes: into a new or empty folder, or onto a new branch in Orch's repository. `ref` takes
 * one of its kept commits instead of the files: a name in the note, such as `refs/stash`, or `refs/stash^3`.
 */
export type RestoreTarget = ({ readonly directory: string } | { readonly branch: string }) & {
  readonly ref?: string;
};

/** Newest first. */
export async function listSalvage(context: Context, project: string): Promise<SalvageEntry[]> {
  const format = '%(refname)%00%(objectname)%00%(committerdate:unix)%00%(contents:body)%00';
  const output = await inBare(context, project, [
    'for-each-ref',
    '--sort=-committerdate',
    `--format=${format}`,
    SALVAGE_REFS.slice(0, -1),
  ]);
  const parts = output.stdout.toString('utf8').split('\0');
  const entries: SalvageEntry[] = [];
  for (let i = 0; i + 3 < parts.length; i += 4) {
    const [ref = '', commit = '', seconds = '0', body = ''] = parts
      .slice(i, i + 4)
      .map((part, at) => (at === 0 ? part.trimStart() : part));
    entries.push({
      name: ref.slice(SALVAGE_REFS.length),
      ref,
      commit,
      at: Number(seconds) * 1000,
      note: parseNote(project, ref.slice(SALVAGE_REFS.length), body),
    });
  }
  return entries;
}

/** One entry with what it changes against the commit it was based on. Throws `workspace.unknown_salvage`. */
export async function showSalvage(
  context: Context,
  project: string,
  name: string,
): Promise<SalvageEntry & { readonly diff: Diff }> {
  const entry = await findSalvage(context, project, name);
  return { ...entry, diff: await diffCommits(context, project, entry.note.head, entry.commit) };
}

/**
 * Gives the files back byte for byte into a folder, or makes a branch with one commit on top of the
 * salvaged HEAD. Nothing that exists is overwritten.
 */
export async function restoreSalvage(
  context: Context,
  repo: Repository,
  name: string,
  target: RestoreTarget,
): Promise<{ readonly commit: string }> {
  const entry = await findSalvage(context, repo.project, name);
  const kept = target.ref === undefined ? null : await keptCommit(context, repo.project, entry, target.ref);
  if ('directory' in target)
    return restoreFiles(context, repo.project, kept ?? entry.commit, target.directory);
  return startAt(context, repo.project, target.branch, kept ?? (await asBranch(context, repo, entry)));
}

/** Forgets salvages made before that moment; their names. Objects stay, since clones may borrow them. */
export async function pruneSalvage(
  context: Context,
  project: string,
  olderThan: Date,
  isKept: (entry: SalvageEntry) => boolean = () => false,
): Promise<string[]> {
  const all = await listSalvage(context, project);
  const old = all.filter((entry) => entry.at < olderThan.getTime() && !isKept(entry));
  for (const entry of old) await setRef(context, project, entry.ref, null);
  return old.map((entry) => entry.name);
}

async function restoreFiles(
  context: Context,
  project: string,
  commit: string,
  directory: string,
): Promise<{ commit: string }> {
  if (!isAbsolute(directory))
    throw new AppError(`${directory} is not an absolute path`, {
      code: 'workspace.invalid_path',
      hint: 'give the full path of an empty folder',
    });
  await mkdir(directory, { recursive: true });
  if ((await readdir(directory)).length > 0) {
    throw new AppError(`${directory} is not empty`, {
      code: 'workspace.restore_target_not_empty',
      hint: 'name a folder that is empty or does not exist yet',
    });
  }
  await withOwnGitDir(context, { project, raw: true, scratch: true }, async (dir) => {
    const call = { ...dir.call(directory), config: ['core.protectNTFS=false', 'core.protectHFS=false'] };
    await context.git(['read-tree', commit], call);
    await context.git(['checkout-index', '--all', '--quiet'], call);
  });
  return { commit };
}

/** One commit on top of the salvaged HEAD, without `.orch-work`, which is never part of a branch. */
async function asBranch(context: Context, repo: Repository, entry: SalvageEntry): Promise<string> {
  const tree = await withOwnGitDir(context, { project: repo.project }, async (dir) => {
    const call = dir.call(dir.path);
    await context.git(['read-tree', entry.commit], call);
    await context.git(['rm', '-r', '--cached', '--quiet', '--ignore-unmatch', '--', WORK_FOLDER], call);
    return (await context.git(['write-tree'], call)).stdout.toString('utf8').trim();
  });
  const message = `Restore the salvaged work of run ${entry.note.run}`;
  return commitTree(context, repo, tree, [entry.note.head], message);
}

async function startAt(
  context: Context,
  project: string,
  branch: string,
  commit: string,
): Promise<{ commit: string }> {
  if (await moveRef(context, project, `refs/heads/${checkBranch(branch)}`, commit, null)) return { commit };
  throw new AppError(`branch ${branch} exists already`, {
    code: 'workspace.branch_exists',
    hint: 'name a new branch',
  });
}

/** One of the commits a salvage keeps, by the name in its note, also with `^2` or `~3` behind. */
async function keptCommit(
  context: Context,
  project: string,
  { name, note }: SalvageEntry,
  ref: string,
): Promise<string> {
  const [, base = '', steps = ''] = /^(.*?)((?:[\^~]\d*)*)$/s.exec(ref) ?? [];
  const commit = Object.hasOwn(note.refs, base) ? note.refs[base] : undefined;
  const found = commit === undefined ? null : await resolveRef(context, project, `${commit}${steps}`);
  if (found !== null) return found;
  throw new AppError(`salvage ${name} keeps no commit named ${JSON.stringify(ref)}`, {
    code: 'workspace.unknown_salvage',
    hint: `one of ${Object.keys(note.refs).slice(0, 20).join(', ')}`,
  });
}

async function findSalvage(context: Context, project: string, name: string): Promise<SalvageEntry> {
  const wanted = name.startsWith(SALVAGE_REFS) ? name.slice(SALVAGE_REFS.length) : name;
  const entries = await listSalvage(context, project);
  const found =
    entries.find((entry) => entry.name === wanted) ??
    entries.find((entry) => entry.name === safeName(wanted));
  if (found !== undefined) return found;
  throw new AppError(`there is no salvage ${JSON.stringify(name)} in ${project}`, {
    code: 'workspace.unknown_salvage',
    hint: 'orch salvage list',
  });
}
