import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { AppError } from '../core/errors.ts';
import { type BaseFiles, keepBase, readBaseFiles, readFilesAt, readKeptFiles } from './base-files.ts';
import {
  type BaseJoin,
  type BaseUpdate,
  type BranchRequest,
  isSameChange,
  joinBase,
  joinFacts,
  sealJoin,
  updateFromBase,
} from './base-merge.ts';
import { clonePath, type PreparedClone, type PrepareRequest, prepareClone } from './clone.ts';
import { lstatOrNull } from './clone-files.ts';
import { plainFilesAt } from './commit-files.ts';
import {
  type Commit,
  changedAgainstBase,
  commitsBetween,
  type Diff,
  diffCommits,
  patchBetween,
} from './diff.ts';
import { lineOf } from './git.ts';
import { readInnerFile } from './inner-file.ts';
import { type Instructions, readInstructions } from './instructions.ts';
import { dropStaleLocks, isLockError, STALE_LOCK_MS, sweepLeftovers } from './leftovers.ts';
import { lockfileState } from './lockfiles.ts';
import {
  type MergePreview,
  type MergeRequest,
  type MergeResult,
  mergedAs,
  mergeIntoBase,
  previewMerge,
} from './merge.ts';
import { checkBranch, checkCommit, checkProject } from './names.ts';
import { type PushResult, pushBranch, tryPush } from './push.ts';
import { baseCommit, forkPoint, isAncestor, resolveRef } from './refs.ts';
import { remoteHead } from './remote.ts';
import { type RepackLimits, repackBare, salvageBytes } from './repack.ts';
import {
  createContext,
  ensureBare,
  ensureSupport,
  fetchRemote,
  type Repository,
  type WorkspaceOptions,
} from './repository.ts';
import { type ResetRequest, removeClone, resetClone } from './reset.ts';
import { type Salvaged, type SalvageRequest, salvageClone } from './salvage.ts';
import {
  listSalvage,
  pruneSalvage,
  type RestoreTarget,
  restoreSalvage,
  type SalvageEntry,
  showSalvage,
} from './salvage-store.ts';
import { claimSlot, slotVariables } from './slots.ts';
import { type CloneProgress, type CloneStatus, clonePatch, cloneProgress, cloneStatus } from './status.ts';
import { type SyncResult, syncTaskBranch } from './sync.ts';
import { type TakeRequest, type TakeResult, takeWork } from './take.ts';
import { listWork, readWork, restoreWork, saveWork, type WorkSaved } from './work-folder.ts';

export type { BaseFiles } from './base-files.ts';
export type { BaseUpdate } from './base-merge.ts';
export type { PreparedClone, PrepareRequest } from './clone.ts';
export type { Commit, Diff } from './diff.ts';
export type { Instructions } from './instructions.ts';
export type { MergeRequest, MergeResult } from './merge.ts';
export type { PushResult } from './push.ts';
export type { Repository, WorkspaceOptions } from './repository.ts';
export type { ResetRequest } from './reset.ts';
export type { Salvaged, SalvageRequest } from './salvage.ts';
export type { RestoreTarget, SalvageEntry } from './salvage-store.ts';
export type { CloneProgress, CloneStatus } from './status.ts';
export type { SyncResult } from './sync.ts';
export type { TakeRequest, TakeResult } from './take.ts';
export type { WorkSaved } from './work-folder.ts';

/**
 * Bare repositories and task clones; the only part of Orch that runs git.
 *
 * One rule carries the safety: git runs with a git directory of ours, always. A clone belongs to an
 * agent, so its `.git` is read and written as plain files, never used as a git directory. Whatever
 * moves refs takes its turn per repository. What a caller must branch on is a value (`kind`); the rest
 * throws AppError with a code `workspace.*` and a hint.
 */
export interface Workspace {
  /** Version of git. Throws `workspace.git_missing`, `workspace.git_too_old`. */
  gitVersion(): Promise<string>;
  /** Where the clone of a task is or would be. */
  pathOf(project: string, key: string): string;
  /** Names of a project's clones on disk: task keys, except those that cannot name a folder. */
  clones(project: string): Promise<string[]>;
  /**
   * What every command in a clone gets: `ORCH_SLOT`, `ORCH_PORT_BASE`, `COMPOSE_PROJECT_NAME`. The
   * clone has its slot as long as it exists. Throws `workspace.no_slot`, `workspace.clone_missing`.
   */
  variables(path: string): Promise<Readonly<Record<string, string>>>;
  /** Changes when a lockfile anywhere in a clone does. Throws `workspace.clone_broken`, `workspace.clone_missing`. */
  lockfiles(path: string): Promise<string>;

  /** Fetches the remote. Throws `workspace.clone_failed`, `workspace.fetch_failed`. Returns the base commit. */
  fetch(repo: Repository): Promise<string>;
  /** The base branch as last fetched. Throws `workspace.base_missing`. */
  baseHead(repo: Repository): Promise<string>;
  /** Fetches and gives the task its clone; an existing one keeps its state. Safe to repeat. */
  prepare(repo: Repository, request: PrepareRequest): Promise<PreparedClone>;
  /** What an agent did since a commit; changes nothing. */
  status(
    repo: Repository,
    request: { key: string; since: string; copied?: readonly string[] },
  ): Promise<CloneStatus>;
  /** How many commits and lines an agent at work is beyond a commit; changes nothing. */
  progress(
    repo: Repository,
    request: { key: string; since: string; copied?: readonly string[] },
  ): Promise<CloneProgress>;
  /** What the clone holds beyond a commit, as a patch; changes nothing. */
  patchOfClone(
    repo: Repository,
    request: { key: string; since: string; copied?: readonly string[]; maxBytes?: number },
  ): Promise<{ text: string; cut: boolean }>;
  /** Takes an agent's work into the task branch. Safe to repeat. */
  take(repo: Repository, request: TakeRequest): Promise<TakeResult>;
  /** Pushes the task branch, never over a commit Orch did not make. Safe to repeat. */
  push(repo: Repository, branch: string): Promise<PushResult>;
  /** Finds out whether a push would be accepted, on a branch that is deleted again. Throws what a push throws. */
  tryPush(repo: Repository, branch: string): Promise<{ readonly left: string | null }>;
  /** Brings people's commits on the remote task branch into it and into the clean clone. */
  syncBranch(repo: Repository, request: { key: string; branch: string }): Promise<SyncResult>;
  /** Merges one commit into the base by git alone, for forges that are only a repository. Safe to repeat. */
  merge(repo: Repository, request: MergeRequest): Promise<MergeResult>;
  /** The commit that brought a head into the base at the remote, whoever merged it; null while it is not there. */
  mergedAs(repo: Repository, head: string): Promise<string | null>;
  /** What such a merge would make of the base as it is now; nothing is pushed. */
  previewMerge(repo: Repository, request: MergeRequest): Promise<MergePreview>;
  /** Merges the base into the task branch and its clean clone, where nothing contradicts. Nothing is pushed. Safe to repeat. */
  updateFromBase(repo: Repository, request: BranchRequest): Promise<BaseUpdate>;
  /** Brings the base into the clone alone, contradictions with git's marks. Safe to repeat with the round's beginning. */
  joinBase(repo: Repository, request: BranchRequest & { readonly since: string | null }): Promise<BaseJoin>;
  /** Makes one merge commit of a join and what was done on top, before it is pushed. Returns the branch's head. */
  sealJoin(
    repo: Repository,
    request: BranchRequest & { readonly joined: string; readonly message: string },
  ): Promise<string>;
  /** Where a join left contradictions, and the commit it was sealed as already. */
  joinFacts(
    repo: Repository,
    request: { readonly branch: string; readonly joined: string },
  ): Promise<{ readonly files: readonly string[]; readonly sealed: string | null }>;
  /** Whether a head is the approved one with the base merged in, cleanly, and the same change of it. */
  isSameChange(repo: Repository, approved: string, head: string): Promise<boolean>;
  /** Salvages, then makes the clone and its branch exactly `head`. */
  resetTo(repo: Repository, request: ResetRequest): Promise<{ salvaged: Salvaged | null }>;
  /** Salvages, then deletes the clone. */
  remove(
    repo: Repository,
    request: { key: string; run: string; copied?: readonly string[] },
  ): Promise<{ salvaged: Salvaged | null }>;

  /** Keeps what exists only in the clone; null when there is nothing. */
  salvage(repo: Repository, request: SalvageRequest): Promise<Salvaged | null>;
  listSalvage(project: string): Promise<SalvageEntry[]>;
  showSalvage(project: string, name: string): Promise<SalvageEntry & { readonly diff: Diff }>;
  restoreSalvage(repo: Repository, name: string, target: RestoreTarget): Promise<{ readonly commit: string }>;
  /** Forgets salvages made before that moment, except those to keep; their names. */
  pruneSalvage(
    project: string,
    olderThan: Date,
    isKept?: (entry: SalvageEntry) => boolean,
  ): Promise<string[]>;
  /** Bytes that are kept for salvages alone. Throws when it takes longer than that. */
  salvageBytes(project: string, timeoutMs: number): Promise<number>;

  /** Saves `.orch-work/` of the clone; restoring brings it back and drops a stale `verdict.json`. */
  saveWork(repo: Repository, key: string): Promise<WorkSaved>;
  restoreWork(repo: Repository, key: string): Promise<WorkSaved>;
  listWork(project: string, key: string): Promise<WorkSaved>;
  readWork(project: string, key: string, name: string): Promise<string | null>;

  /** A file of the clone as it lies there, as text; null when it is no plain file of at most 1 MiB. */
  readFromClone(project: string, key: string, path: string): Promise<string | null>;

  /** From the base branch as last fetched. */
  readBaseFiles(repo: Repository, patterns: readonly string[]): Promise<BaseFiles>;
  readInstructions(repo: Repository): Promise<Instructions>;
  /** Texts of files of a commit, by path; missing ones are left out. */
  readFilesAt(
    repo: Repository,
    commit: string,
    paths: readonly string[],
  ): Promise<ReadonlyMap<string, string>>;
  /** Remembers a commit of the base under a name; its files can then be read whatever the base becomes. */
  keepBase(repo: Repository, name: string, commit: string): Promise<void>;
  /** From the commit kept under that name; null when none was. */
  readKeptFiles(repo: Repository, name: string, patterns: readonly string[]): Promise<BaseFiles | null>;

  /** Files a commit changes against the base, from where it left it; null when that cannot be told. */
  changedAgainstBase(repo: Repository, head: string): Promise<readonly string[] | null>;
  /** The newest commit that base and commit both hold; null when that cannot be told. */
  forkFromBase(repo: Repository, head: string): Promise<string | null>;
  diff(project: string, from: string, to: string): Promise<Diff>;
  patch(
    project: string,
    from: string,
    to: string,
    maxBytes?: number,
  ): Promise<{ text: string; cut: boolean }>;
  commitsBetween(project: string, from: string, to: string): Promise<Commit[]>;
  /** Which of these paths are plain files of a commit in Orch's own repository. */
  plainFilesAt(project: string, commit: string, paths: readonly string[]): Promise<ReadonlySet<string>>;
  isAncestor(project: string, ancestor: string, descendant: string): Promise<boolean>;
  /** Where two commits' histories part; null when they share none. */
  forkPoint(project: string, one: string, other: string): Promise<string | null>;
  /** The commit of the task branch in Orch's own repository. */
  branchHead(project: string, branch: string): Promise<string | null>;
  /** The commit a branch has at the remote right now. */
  remoteHead(repo: Repository, branch: string): Promise<string | null>;
  /** Removes what killed processes left half-made before that moment; how many things. */
  sweep(olderThan: Date): Promise<number>;
  /** Packs the project's bare repository when that is worth it; false when not. Nothing named is dropped. */
  repack(project: string, now: number, limits?: RepackLimits): Promise<boolean>;
}

const MAX_READ_BYTES = 1024 * 1024;
const OLDEST_GIT = [2, 38] as const;
/** Turn for claims of slots; no project has such a name. */
const SLOTS = '.slots';

/** Nothing is touched until the first call; folders are made when needed. */
export function openWorkspace(options: WorkspaceOptions): Workspace {
  const context = createContext({
    ...options,
    reposDir: resolve(options.reposDir),
    worktreesDir: resolve(options.worktreesDir),
  });
  /** In turn with everything else that moves refs of this project. */
  const locked = <T>(project: string, work: () => Promise<T>): Promise<T> =>
    context.locks.run(project, async () => {
      await ensureBare(context, project);
      try {
        return await work();
      } catch (error) {
        if (!isLockError(error)) throw error;
        // Nobody here holds git's lock, since we have the turn: clear a dead one, wait out a young one, go once more.
        if ((await dropStaleLocks(context, project, Date.now())) === 0) {
          await setTimeout(STALE_LOCK_MS);
          await dropStaleLocks(context, project, Date.now());
        }
        return work();
      }
    });
  const reading = async <T>(project: string, work: () => Promise<T>): Promise<T> => {
    await ensureBare(context, project);
    return work();
  };
  /** The project of a clone that exists, from its path. */
  const projectOf = async (path: string): Promise<string> => {
    const project = basename(dirname(path));
    if (path === clonePath(context, project, basename(path)) && (await lstatOrNull(path)) !== null)
      return project;
    throw new AppError(`${path} is no worktree of Orch`, {
      code: 'workspace.clone_missing',
      hint: 'prepare the task first',
    });
  };
  return {
    async gitVersion() {
      await ensureSupport(context);
      return checkedVersion(lineOf(await context.git(['--version'], {})));
    },
    pathOf: (project, key) => clonePath(context, project, key),
    async clones(project) {
      const folder = join(context.worktreesDir, checkProject(project));
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []); // none was made yet
      return entries
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => name);
    },
    async variables(path) {
      await projectOf(path);
      // In turn: two claims of one clone would find two slots.
      return context.locks.run(SLOTS, async () =>
        slotVariables(path, await claimSlot(context.slotsDir, path)),
      );
    },
    async lockfiles(path) {
      const project = await projectOf(path);
      return reading(project, () => lockfileState(context, project, path));
    },

    fetch: (repo) =>
      locked(repo.project, () => fetchRemote(context, repo).then(() => baseCommit(context, repo))),
    baseHead: (repo) => reading(repo.project, () => baseCommit(context, repo)),
    prepare: (repo, request) => locked(repo.project, () => prepareClone(context, repo, request)),
    status: (repo, { key, since, copied }) =>
      reading(repo.project, () => cloneStatus(context, repo, key, since, copied)),
    progress: (repo, { key, since, copied }) =>
      reading(repo.project, () => cloneProgress(context, repo, key, since, copied)),
    patchOfClone: (repo, { key, since, ...options }) =>
      reading(repo.project, () => clonePatch(context, repo, key, since, options)),
    take: (repo, request) => locked(repo.project, () => takeWork(context, repo, request)),
    tryPush: (repo, branch) => locked(repo.project, () => tryPush(context, repo, branch)),
    push: (repo, branch) => locked(repo.project, () => pushBranch(context, repo, branch)),
    syncBranch: (repo, request) => locked(repo.project, () => syncTaskBranch(context, repo, request)),
    merge: (repo, request) => locked(repo.project, () => mergeIntoBase(context, repo, request)),
    mergedAs: (repo, head) => locked(repo.project, () => mergedAs(context, repo, head)),
    previewMerge: (repo, request) => locked(repo.project, () => previewMerge(context, repo, request)),
    updateFromBase: (repo, request) => locked(repo.project, () => updateFromBase(context, repo, request)),
    joinBase: (repo, request) => locked(repo.project, () => joinBase(context, repo, request)),
    sealJoin: (repo, request) => locked(repo.project, () => sealJoin(context, repo, request)),
    joinFacts: (repo, request) => reading(repo.project, () => joinFacts(context, repo, request)),
    isSameChange: (repo, approved, head) =>
      reading(repo.project, () => isSameChange(context, repo, approved, head)),
    resetTo: (repo, request) => locked(repo.project, () => resetClone(context, repo, request)),
    remove: (repo, request) => locked(repo.project, () => removeClone(context, repo, request)),

    salvage: (repo, request) => locked(repo.project, () => salvageClone(context, repo, request)),
    listSalvage: (project) => reading(project, () => listSalvage(context, project)),
    showSalvage: (project, name) => reading(project, () => showSalvage(context, project, name)),
    restoreSalvage: (repo, name, target) =>
      locked(repo.project, () => restoreSalvage(context, repo, name, target)),
    pruneSalvage: (project, olderThan, isKept) =>
      locked(project, () => pruneSalvage(context, project, olderThan, isKept)),
    salvageBytes: (project, timeoutMs) => reading(project, () => salvageBytes(context, project, timeoutMs)),

    saveWork: (repo, key) => locked(repo.project, () => saveWork(context, repo, key)),
    restoreWork: (repo, key) => locked(repo.project, () => restoreWork(context, repo, key)),
    listWork: (project, key) => listWork(context, project, key),
    readWork: (project, key, name) => readWork(context, project, key, name),

    async readFromClone(project, key, path) {
      const file = await readInnerFile(clonePath(context, project, key), path, MAX_READ_BYTES);
      return file.kind === 'text' ? file.text : null;
    },

    readBaseFiles: (repo, patterns) => reading(repo.project, () => readBaseFiles(context, repo, patterns)),
    readInstructions: (repo) => reading(repo.project, () => readInstructions(context, repo)),
    readFilesAt: (repo, commit, paths) =>
      reading(repo.project, () => readFilesAt(context, repo, commit, paths)),

    keepBase: (repo, name, commit) => locked(repo.project, () => keepBase(context, repo, name, commit)),
    readKeptFiles: (repo, name, patterns) =>
      reading(repo.project, () => readKeptFiles(context, repo, name, patterns)),

    forkFromBase: (repo, head) =>
      reading(repo.project, async () =>
        forkPoint(context, repo.project, await baseCommit(context, repo), head),
      ),
    changedAgainstBase: (repo, head) => reading(repo.project, () => changedAgainstBase(context, repo, head)),
    diff: (project, from, to) => reading(project, () => diffCommits(context, project, from, to)),
    patch: (project, from, to, maxBytes) =>
      reading(project, () => patchBetween(context, project, from, to, maxBytes)),
    commitsBetween: (project, from, to) => reading(project, () => commitsBetween(context, project, from, to)),
    plainFilesAt: (project, commit, paths) =>
      reading(project, () => plainFilesAt(context, project, commit, paths)),
    isAncestor: (project, ancestor, descendant) =>
      reading(project, () => isAncestor(context, project, checkCommit(ancestor), checkCommit(descendant))),
    forkPoint: (project, one, other) => reading(project, () => forkPoint(context, project, one, other)),
    branchHead: (project, branch) =>
      reading(project, () => resolveRef(context, project, `refs/heads/${checkBranch(branch)}`)),
    remoteHead: (repo, branch) => reading(repo.project, () => remoteHead(context, repo, branch)),
    sweep: (olderThan) => sweepLeftovers(context, olderThan),
    repack: (project, now, limits) => locked(project, () => repackBare(context, project, now, limits)),
  };
}

function checkedVersion(line: string): string {
  const version = /(\d+)\.(\d+)[.\d]*/.exec(line);
  const [major, minor] = [Number(version?.[1] ?? 0), Number(version?.[2] ?? 0)];
  if (major > OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor >= OLDEST_GIT[1]))
    return version?.[0] ?? line;
  throw new AppError(`${line} is too old`, {
    code: 'workspace.git_too_old',
    hint: `install git ${OLDEST_GIT.join('.')} or newer`,
  });
}
