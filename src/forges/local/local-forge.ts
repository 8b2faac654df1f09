import { AppError } from '../../core/errors.ts';
import type { PullRequest } from '../../core/model.ts';
import type { Repository, Workspace } from '../../workspace/workspace.ts';
import type { Forge } from '../forge.ts';

/** Keeps the pull requests of a forge that is only a repository; the store's board does. */
export interface PullRequestBook {
  pullRequestOf(project: string, branch: string): Promise<PullRequest | null>;
  openPullRequest(
    project: string,
    branch: string,
    title: string,
    body: string,
    state: 'draft' | 'open',
    now: number,
  ): Promise<PullRequest>;
  setPullRequestState(
    project: string,
    number: number,
    state: PullRequest['state'],
    now: number,
  ): Promise<void>;
  /** Opens a draft to people, with this text; one that is merged or closed is returned as it is. */
  readyPullRequest(project: string, number: number, body: string, now: number): Promise<PullRequest>;
  pullRequestComment(project: string, number: number, key: string, body: string, now: number): Promise<void>;
}

/** A repository without a forge: pull requests are Orch's own rows, merging is git's. */
export function createLocalForge(
  repository: Repository,
  parts: { workspace: Workspace; book: PullRequestBook; clock: () => number },
): Forge {
  const { workspace, book, clock } = parts;
  const { project } = repository;
  return {
    kind: 'local',
    async open(request, by) {
      by.signal.throwIfAborted();
      const known = await book.pullRequestOf(project, request.branch);
      if (known !== null) return known;
      if ((await workspace.mergedAs(repository, request.head)) !== null) return null;
      by.signal.throwIfAborted();
      return book.openPullRequest(project, request.branch, request.title, request.body, 'draft', clock());
    },
    async ready(pr, body, by) {
      by.signal.throwIfAborted();
      return book.readyPullRequest(project, pr.number, body, clock());
    },
    async comment(pr, body, by) {
      by.signal.throwIfAborted();
      await book.pullRequestComment(project, pr.number, by.key, body, clock());
    },
    async status() {}, // a repository has none
    async review() {}, // the run's own record is where it stands
    async look({ head }) {
      const commit = await workspace.mergedAs(repository, head);
      return commit === null ? { kind: 'open', pull: null } : { kind: 'merged', commit };
    },
    feed: null,
    async merge({ pr, branch, head, message, onto }) {
      const merged = await workspace
        .merge(repository, {
          branch,
          head,
          message,
          fastForward: false,
          ...(onto === undefined ? {} : { onto }),
        })
        .catch(refusal);
      switch (merged.kind) {
        case 'merged':
        case 'already_merged':
          if (pr !== null) await book.setPullRequestState(project, pr.number, 'merged', clock());
          return { kind: 'merged', commit: merged.commit };
        case 'conflict':
        case 'refused':
          return merged;
        case 'base_moved':
          return { kind: 'retry', detail: 'the base branch moved while it was merged' };
      }
    },
  };
}

/** A repository with the base branch checked out takes no push to it; everything else is thrown on. */
function refusal(error: unknown): { kind: 'refused'; detail: string } {
  if (!(error instanceof AppError) || !error.code.startsWith('workspace.base_check')) throw error;
  return {
    kind: 'refused',
    detail: error.hint === undefined ? error.message : `${error.message} (${error.hint})`,
  };
}
