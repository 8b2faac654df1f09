/**
 * Repositories and worktrees without git: commits as a graph, a bare repository, a remote and one clone per
 * task, enough of each for the engine, the deploy stage and the scripted agents. Whatever is not needed throws.
 */
import { AppError } from '../src/core/errors.ts';
import type { Workspace } from '../src/workspace/workspace.ts';

interface Commit {
  readonly sha: string;
  readonly parents: readonly string[];
  readonly files: readonly string[];
}

interface Clone {
  readonly branch: string | null;
  head: string;
  /** Changed and not committed. */
  dirty: string[];
}

export interface Repositories {
  readonly workspace: Workspace;
  /** The base branch at the remote. */
  base(project: string): string;
  /** A branch at the remote; null when it was never pushed. */
  remote(project: string, branch: string): string | null;
  /** An agent changes files in a clone. */
  change(project: string, key: string, files: readonly string[]): void;
  /** A person pushes a commit to a task branch. */
  pushByPerson(project: string, branch: string): string | null;
  /** Merges a head into the base at the remote. */
  merge(project: string, head: string): string;
  isMerged(project: string, head: string): boolean;
  /** Whether a head holds the base as it is now. */
  isUpToDate(project: string, head: string): boolean;
  /** Somebody deletes a task branch at the remote. */
  deleteBranch(project: string, branch: string): boolean;
  /** A head, and those that it is the same change as, on an older base. */
  sameAs(project: string, head: string): string[];
}

export function createRepositories(projects: readonly string[]): Repositories {
  let count = 0;
  const commits = new Map<string, Commit>();
  const bases = new Map<string, string>();
  const local = new Map<string, string>();
  const remotes = new Map<string, string>();
  const clones = new Map<string, Map<string, Clone>>();

  function commit(parents: readonly string[], files: readonly string[]): string {
    const sha = (++count).toString(16).padStart(7, '0').padEnd(40, 'c');
    commits.set(sha, { sha, parents, files });
    return sha;
  }

  for (const project of projects) {
    bases.set(project, commit([], []));
    clones.set(project, new Map());
  }

  function base(project: string): string {
    const sha = bases.get(project);
    if (sha === undefined) throw new Error(`no repository ${project} in this world`);
    return sha;
  }

  function cloneOf(project: string, key: string): Clone {
    const clone = clones.get(project)?.get(key);
    if (clone === undefined) throw new AppError(`no clone ${key}`, { code: 'workspace.clone_missing' });
    return clone;
  }

  /** Everything a commit leads to, itself included. */
  function history(sha: string): Set<string> {
    const seen = new Set<string>();
    const open = [sha];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(...(commits.get(next)?.parents ?? []));
    }
    return seen;
  }

  function isAncestor(ancestor: string, descendant: string): boolean {
    return ancestor === descendant || history(descendant).has(ancestor);
  }

  /** Files of the commits that `to` has and `from` has not. */
  function filesBetween(from: string, to: string): string[] {
    const known = history(from);
    const files = [...history(to)]
      .filter((sha) => !known.has(sha))
      .flatMap((sha) => commits.get(sha)?.files ?? []);
    return [...new Set(files)];
  }

  const ref = (project: string, branch: string) => `${project}:${branch}`;

  /** Brings what people pushed into the branch of ours. */
  function sync(project: string, branch: string): { head: string; moved: boolean } {
    const ours = local.get(ref(project, branch)) ?? base(project);
    const theirs = remotes.get(ref(project, branch));
    if (theirs === undefined || isAncestor(theirs, ours)) return { head: ours, moved: false };
    const head = isAncestor(ours, theirs) ? theirs : commit([ours, theirs], []);
    local.set(ref(project, branch), head);
    return { head, moved: true };
  }

  /** Nothing but the base merged in; every third such merge makes the change another one. */
  function isSame(project: string, approved: string, head: string): boolean {
    const [ours, theirs, ...more] = commits.get(head)?.parents ?? [];
    if (ours !== approved || theirs === undefined || more.length > 0) return false;
    return isAncestor(theirs, base(project)) && Number.parseInt(head.slice(0, 7), 16) % 3 !== 0;
  }

  const part: Partial<Workspace> = {
    previewMerge: async (repo, { head }) => ({
      kind: 'commit',
      commit: head,
      base: base(repo.project),
    }),
    remoteHead: async (repo, branch) =>
      branch === repo.base ? base(repo.project) : (remotes.get(ref(repo.project, branch)) ?? null),
    isSameChange: async (repo, approved, head) => isSame(repo.project, approved, head),
    async updateFromBase(repo, { key, branch }) {
      const ours = local.get(ref(repo.project, branch)) ?? base(repo.project);
      if (isAncestor(base(repo.project), ours)) return { kind: 'up_to_date', head: ours };
      const clone = clones.get(repo.project)?.get(key);
      if (clone !== undefined && (clone.dirty.length > 0 || !isAncestor(clone.head, ours)))
        return { kind: 'clone_dirty' };
      const head = commit([ours, base(repo.project)], []);
      local.set(ref(repo.project, branch), head);
      if (clone !== undefined) clone.head = head;
      return { kind: 'updated', head, previous: ours };
    },
    async joinBase(repo, { key, branch }) {
      const clone = cloneOf(repo.project, key);
      const ours = local.get(ref(repo.project, branch)) ?? base(repo.project);
      if (isAncestor(base(repo.project), clone.head)) return { kind: 'up_to_date' };
      if (clone.dirty.length > 0 || !isAncestor(clone.head, ours)) return { kind: 'clone_dirty' };
      clone.head = commit([ours, base(repo.project)], []);
      return { kind: 'joined', commit: clone.head, files: [] };
    },
    pathOf: (project, key) => `/worktrees/${project}/${key}`,
    clones: async (project) => [...(clones.get(project)?.keys() ?? [])],
    fetch: async (repo) => base(repo.project),
    baseHead: async (repo) => base(repo.project),
    readBaseFiles: async (repo) => ({ commit: base(repo.project), files: [] }),
    readKeptFiles: async () => null,
    keepBase: async () => {},
    sweep: async () => 0,
    forkFromBase: async () => null, // a message then shows no figures
    changedAgainstBase: async (repo, head) => filesBetween(base(repo.project), head),
    isAncestor: async (_project, ancestor, descendant) => isAncestor(ancestor, descendant),
    branchHead: async (project, branch) => local.get(ref(project, branch)) ?? null,
    mergedAs: async (repo, head) => (isAncestor(head, base(repo.project)) ? base(repo.project) : null),
    async prepare(repo, { key, branch, startPoint }) {
      const found = clones.get(repo.project)?.get(key);
      const ours = branch === null ? undefined : local.get(ref(repo.project, branch));
      const head = found?.head ?? ours ?? startPoint ?? base(repo.project);
      if (found === undefined) clones.get(repo.project)?.set(key, { branch, head, dirty: [] });
      if (branch !== null && !local.has(ref(repo.project, branch)))
        local.set(ref(repo.project, branch), head);
      return {
        path: `/worktrees/${repo.project}/${key}`,
        head,
        base: base(repo.project),
        created: found === undefined,
      };
    },
    async status(repo, { key, since }) {
      const clone = cloneOf(repo.project, key);
      return {
        path: `/worktrees/${repo.project}/${key}`,
        changedPaths: [...new Set([...filesBetween(since, clone.head), ...clone.dirty])],
      } as unknown as Awaited<ReturnType<Workspace['status']>>;
    },
    async take(repo, { key, branch, since }) {
      const clone = cloneOf(repo.project, key);
      if (clone.dirty.length > 0) {
        clone.head = commit([clone.head], clone.dirty);
        clone.dirty = [];
      }
      local.set(ref(repo.project, branch), clone.head);
      if (clone.head === since) return { kind: 'unchanged' } as Awaited<ReturnType<Workspace['take']>>;
      return { kind: 'taken', head: clone.head } as unknown as Awaited<ReturnType<Workspace['take']>>;
    },
    async push(repo, branch) {
      const { head } = sync(repo.project, branch);
      remotes.set(ref(repo.project, branch), head);
      for (const clone of clones.get(repo.project)?.values() ?? [])
        if (clone.branch === branch && isAncestor(clone.head, head)) clone.head = head;
      return { kind: 'pushed', head } as unknown as Awaited<ReturnType<Workspace['push']>>;
    },
    async syncBranch(repo, { key, branch }) {
      const { head, moved } = sync(repo.project, branch);
      const clone = clones.get(repo.project)?.get(key);
      if (clone !== undefined && clone.branch === branch) clone.head = head;
      return { kind: moved ? 'synced' : 'up_to_date', head } as unknown as Awaited<
        ReturnType<Workspace['syncBranch']>
      >;
    },
    async resetTo(repo, { key, head }) {
      const clone = cloneOf(repo.project, key);
      clone.head = head;
      clone.dirty = [];
      if (clone.branch !== null) local.set(ref(repo.project, clone.branch), head);
      return { salvaged: null };
    },
    salvage: async () => null,
    async remove(repo, { key }) {
      clones.get(repo.project)?.delete(key);
      return { salvaged: null };
    },
  };

  return {
    workspace: part as Workspace,
    base,
    remote: (project, branch) => remotes.get(ref(project, branch)) ?? null,
    change(project, key, files) {
      const clone = clones.get(project)?.get(key);
      if (clone !== undefined) clone.dirty.push(...files);
    },
    pushByPerson(project, branch) {
      const head = remotes.get(ref(project, branch));
      if (head === undefined) return null;
      const pushed = commit([head], ['src/by-a-person.ts']);
      remotes.set(ref(project, branch), pushed);
      return pushed;
    },
    merge(project, head) {
      const merged = commit([base(project), head], []);
      bases.set(project, merged);
      return merged;
    },
    isUpToDate: (project, head) => isAncestor(base(project), head),
    deleteBranch: (project, branch) => remotes.delete(ref(project, branch)),
    sameAs(project, head) {
      const found = [head];
      for (let at = head; ; ) {
        const before = commits.get(at)?.parents[0];
        if (before === undefined || !isSame(project, before, at)) return found;
        found.push(before);
        at = before;
      }
    },
    isMerged: (project, head) => isAncestor(head, base(project)),
  };
}
