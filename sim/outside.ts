/**
 * Trackers, forges and people's chat as the receivers see them: what arrived, how often, in which order. The
 * adapters in front of them answer late, refuse, are out of reach for a while, or do what they were asked and
 * answer with a time-out, so that the engine cannot know. An adapter of ours has a limit on every request, so
 * none is silent for ever.
 */
import { AppError } from '../src/core/errors.ts';
import type { PullRequest } from '../src/core/model.ts';
import type { CommitStatus, Forge, ForgeReview, PullFacts } from '../src/forges/forge.ts';
import type { Notifier } from '../src/notifiers/notifier.ts';
import type { Tracker } from '../src/trackers/tracker.ts';
import { type Board, createBoard, RULE } from './board.ts';
import { createChecks } from './checks.ts';
import type { VirtualClock } from './clock.ts';
import type { Doors, Life } from './doors.ts';
import type { Random } from './random.ts';
import type { Repositories } from './repositories.ts';
import type { Trace } from './trace.ts';

export interface SeenComment {
  readonly key: string;
  readonly body: string;
}

export interface SeenPullRequest {
  readonly number: number;
  readonly branch: string;
  state: PullRequest['state'];
  body: string;
  readonly comments: SeenComment[];
  /** Reviews of Orch, by key. */
  readonly reviews: Map<string, string>;
  /** The review that counts of each person. */
  readonly people: Map<string, ForgeReview>;
}

/** What the receivers of one project have. */
export interface Seen {
  readonly comments: Map<string, SeenComment[]>;
  /** Every status that each item was moved to. */
  readonly statuses: Map<string, string[]>;
  readonly pullRequests: SeenPullRequest[];
  /** Its items and what people do there; null where work is handed in by hand. */
  readonly board: Board | null;
  /** Commit statuses of Orch, in the order in which they came; one that came again is there once. */
  readonly commitStatuses: { readonly key: string; readonly status: CommitStatus }[];
  readonly merges: { readonly branch: string; readonly head: string; readonly by: 'orch' | 'person' }[];
}

export interface Outside {
  readonly seen: ReadonlyMap<string, Seen>;
  readonly messages: { readonly ref: string; title: string; edits: number }[];
  /** Of the figures: what reached a tracker or a forge. */
  readonly figures: { effects: number };
  /** A destination (`tracker:P`, `forge:P`, `notify`) is out of reach for a while. */
  cut(destination: string, forMs: number): void;
  /** From now on everything answers, soon and truly. */
  kind: boolean;
  tracker(life: Life, project: string): Tracker;
  forge(life: Life, project: string): Forge;
  notifier(life: Life): Notifier;
  mergeByPerson(project: string, branch: string): boolean;
  closeByPerson(project: string, branch: string): boolean;
  /** Somebody reviews the pull request of a branch as it is now; not all may write. */
  reviewByPerson(project: string, branch: string, state: ForgeReview['state']): boolean;
}

const REQUEST_LIMIT_MS = 30_000;

export function createOutside(parts: {
  projects: readonly string[];
  /** Those whose items come in from a tracker. */
  fed: readonly string[];
  clock: VirtualClock;
  random: Random;
  doors: Doors;
  trace: Trace;
  repositories: Repositories;
}): Outside {
  const { clock, random, doors, trace, repositories } = parts;
  const cutUntil = new Map<string, number>();
  let reviews = 0;
  const checks = createChecks({ ...parts, isKind: () => outside.kind });
  const seen = new Map<string, Seen>(
    parts.projects.map((project) => [
      project,
      {
        ...{ comments: new Map(), statuses: new Map(), pullRequests: [], commitStatuses: [], merges: [] },
        board: parts.fed.includes(project) ? createBoard({ project, random, trace, wall: clock.wall }) : null,
      },
    ]),
  );

  function of(project: string): Seen {
    const found = seen.get(project);
    if (found === undefined) throw new Error(`no project ${project} in this world`);
    return found;
  }

  /** One request: how it fares is decided when it is made. */
  function request<T>(
    life: Life,
    destination: string,
    what: string,
    family: 'tracker' | 'forge' | 'notifier',
    effect: () => T,
  ): Promise<T> {
    const isCut = clock.elapsed() < (cutUntil.get(destination) ?? 0);
    const fate = outside.kind
      ? 'well'
      : isCut
        ? random.weighted([
            [6, 'refused'],
            [3, 'silent'],
            [1, 'unknown'],
          ] as const)
        : random.weighted([
            [86, 'well'],
            [5, 'late'],
            [4, 'refused'],
            [3, 'unknown'],
            [2, 'silent'],
          ] as const);
    const delays = {
      before: () => (fate === 'late' ? random.between(1000, 25_000) : random.between(2, 400)),
      after: () => (fate === 'unknown' || fate === 'silent' ? REQUEST_LIMIT_MS : random.between(1, 200)),
    };
    return doors.call(life, what, delays, async () => {
      if (fate === 'refused' || fate === 'silent') {
        if (fate === 'refused') trace.note(`${what}: out of reach`);
        else trace.note(`${what}: no answer`);
        throw unreachable(family, fate === 'refused' ? '503' : 'no answer');
      }
      const result = effect();
      if (fate !== 'unknown') return result;
      trace.note(`${what}: done, but the answer is lost`);
      throw unreachable(family, 'no answer');
    });
  }

  function unreachable(family: 'tracker' | 'forge' | 'notifier', why: string): AppError {
    const facts = random.chance(0.2) ? { retryAfterMs: random.between(1000, 120_000) } : {};
    return new AppError(`out of reach: ${why}`, { code: `${family}.unreachable`, facts });
  }

  function pullRequest(project: string, number: number): SeenPullRequest {
    const pr = of(project).pullRequests.find((each) => each.number === number);
    if (pr === undefined) throw new AppError(`no pull request ${number}`, { code: 'forge.refused' });
    return pr;
  }

  function openOf(project: string, branch: string): SeenPullRequest | undefined {
    return of(project).pullRequests.find(
      (pr) => pr.branch === branch && (pr.state === 'draft' || pr.state === 'open'),
    );
  }

  function pullOf(project: string, pr: SeenPullRequest): PullFacts {
    const head = repositories.remote(project, pr.branch);
    return {
      ...{ head, base: 'main', conflict: random.pick([null, false]) },
      reviews: [...pr.people.values()],
      checks: head === null ? [] : checks.of(project, head),
    };
  }

  const asRow = (pr: SeenPullRequest): PullRequest => ({ number: pr.number, url: null, state: pr.state });

  function addComment(list: SeenComment[], key: string, body: string, where: string): void {
    const known = list.find((each) => each.key === key);
    if (known === undefined) {
      list.push({ key, body });
      outside.figures.effects++;
      trace.note(`${where} gets comment ${key}`);
    } else if (known.body !== body)
      trace.broken('effects.key', `${where}: the key ${key} is used for two different comments`);
  }

  const outside: Outside = {
    seen,
    messages: [],
    figures: { effects: 0 },
    kind: false,
    cut(destination, forMs) {
      cutUntil.set(destination, clock.elapsed() + forMs);
      trace.note(`${destination} is out of reach for ${Math.round(forMs / 60_000)} min`);
    },

    tracker(life, project) {
      const ask = <T>(what: string, effect: () => T): Promise<T> =>
        request(life, `tracker:${project}`, `tracker:${project}.${what}`, 'tracker', effect);
      const { board } = of(project);
      return {
        kind: 'scripted',
        item: (id) =>
          ask('item', () => {
            const item = board?.find(id);
            return item === undefined || board === null ? null : board.seen(item);
          }),
        comment: (id, body, { key }) =>
          ask('comment', () => {
            const list = of(project).comments.get(id) ?? [];
            of(project).comments.set(id, list);
            addComment(list, key, body, `item ${id} of ${project}`);
          }),
        report: (id, body) =>
          ask('report', () => {
            const reports = board?.find(id)?.reports;
            if (reports === undefined)
              trace.broken('effects.report', `a report on ${id}, which is not there`);
            reports?.push(body);
            outside.figures.effects++;
          }),
        setStatus: (id, status) =>
          ask('setStatus', () => {
            const list = of(project).statuses.get(id) ?? [];
            of(project).statuses.set(id, list);
            list.push(status);
            const item = board?.find(id);
            if (item !== undefined && (status === 'done' || status === 'cancelled')) item.isOpen = false;
            outside.figures.effects++;
            trace.note(`item ${id} of ${project} is now ${status}`);
          }),
        survey: async () => ({
          ...{ source: 'the simulated tracker', rule: 'everything', lookedAt: clock.wall() },
          ...{ seen: of(project).statuses.size, matching: 0, nearest: [] },
        }),
        feed:
          board === null
            ? null
            : {
                rule: RULE,
                isAbout: () => true,
                matching: () =>
                  ask('matching', () =>
                    board.items.map(board.seen).filter(({ mismatch }) => mismatch === null),
                  ),
                comments: (id, since) =>
                  ask('comments', () =>
                    (board.find(id)?.comments ?? []).filter(({ updatedAt }) => updatedAt >= (since ?? 0)),
                  ),
              },
      };
    },

    forge(life, project) {
      const ask = <T>(what: string, effect: () => T): Promise<T> =>
        request(life, `forge:${project}`, `forge:${project}.${what}`, 'forge', effect);
      return {
        kind: 'scripted',
        feed: { isAbout: () => false, comments: async () => [] },
        status: (status, { key }) =>
          ask('status', () => {
            const told = of(project).commitStatuses;
            const before = told.findLast((each) => each.key === key);
            if (before === undefined) {
              told.push({ key, status });
              outside.figures.effects++;
              trace.note(`${status.head.slice(0, 7)} of ${project}: ${status.context} is ${status.state}`);
            } else if (JSON.stringify(before.status) !== JSON.stringify(status))
              trace.broken('effects.key', `the key ${key} is used for two different statuses`);
            const later = told.findLast(
              (each) => each.status.context === status.context && each.status.head === status.head,
            );
            if (later?.key !== key) trace.broken('effects.order', `${key} is told after ${later?.key}`);
          }),
        review: (pr, review, { key }) =>
          ask('review', () => {
            const found = pullRequest(project, pr.number);
            const text = JSON.stringify(review);
            const before = found.reviews.get(key);
            if (before !== undefined && before !== text)
              trace.broken('effects.key', `the key ${key} is used for two different reviews`);
            if (before !== undefined) return;
            found.reviews.set(key, text);
            outside.figures.effects++;
            trace.note(`pull request ${pr.number} of ${project} gets review ${key}: ${review.event}`);
          }),
        open: ({ branch, head, body }) =>
          ask('open', () => {
            const there = of(project).pullRequests.find(
              (pr) => pr.branch === branch && pr.state !== 'closed',
            );
            if (there !== undefined) return asRow(there);
            if (repositories.isMerged(project, head)) return null; // as every forge refuses one without a commit
            const pr: SeenPullRequest = {
              ...{ number: of(project).pullRequests.length + 1, branch, state: 'draft', body, comments: [] },
              ...{ reviews: new Map(), people: new Map() },
            };
            of(project).pullRequests.push(pr);
            outside.figures.effects++;
            trace.note(`pull request ${pr.number} of ${project} is opened for ${branch}`);
            return asRow(pr);
          }),
        ready: (pr, body) =>
          ask('ready', () => {
            const found = pullRequest(project, pr.number);
            if (found.state === 'merged' || found.state === 'closed') return asRow(found);
            found.state = 'open';
            found.body = body;
            outside.figures.effects++;
            return asRow(found);
          }),
        comment: (pr, body, { key }) =>
          ask('comment', () =>
            addComment(
              pullRequest(project, pr.number).comments,
              key,
              body,
              `pull request ${pr.number} of ${project}`,
            ),
          ),
        look: ({ branch, head }) =>
          ask('look', () => {
            if (repositories.isMerged(project, head))
              return { kind: 'merged' as const, commit: repositories.base(project) };
            const own = of(project).pullRequests.filter((pr) => pr.branch === branch);
            if (own.length > 0 && own.every((pr) => pr.state === 'closed'))
              return { kind: 'closed' as const };
            const open = openOf(project, branch);
            return {
              kind: 'open' as const,
              pull: open === undefined ? null : pullOf(project, open),
            };
          }),
        merge: ({ branch, head }) =>
          ask('merge', () => {
            if (repositories.isMerged(project, head))
              return { kind: 'merged' as const, commit: repositories.base(project) };
            const trouble = outside.kind ? 'none' : random.weighted(MERGE_TROUBLES);
            if (trouble === 'conflict') return { kind: 'conflict' as const, files: ['src/a.ts'] };
            if (trouble === 'refused') return { kind: 'refused' as const, detail: 'a rule of the forge' };
            if (checks.isStrict(project) && !repositories.isUpToDate(project, head))
              return { kind: 'outdated' as const, detail: 'behind its base' };
            if (trouble === 'scheduled') {
              promise(project, branch, head);
              return { kind: 'scheduled' as const, detail: 'the forge merges it later' };
            }
            if (trouble === 'retry' || repositories.remote(project, branch) !== head)
              return { kind: 'retry' as const, detail: 'the branch is not at this head' };
            return { kind: 'merged' as const, commit: merge(project, branch, head, 'orch') };
          }),
      };
    },

    notifier: (life) => ({
      channel: 'scripted:people',
      hasButtons: false,
      waitMs: () => 0,
      send: (message) =>
        request(life, 'notify', 'notify.send', 'notifier', () => {
          const ref = String(outside.messages.length + 1);
          outside.messages.push({ ref, title: message.title, edits: 0 });
          return ref;
        }),
      edit: (ref, message) =>
        request(life, 'notify', 'notify.edit', 'notifier', () => {
          const found = outside.messages.find((each) => each.ref === ref);
          if (found === undefined) return;
          found.title = message.title;
          found.edits++;
        }),
    }),

    mergeByPerson(project, branch) {
      const head = repositories.remote(project, branch);
      if (head === null || repositories.isMerged(project, head)) return false;
      merge(project, branch, head, 'person');
      return true;
    },
    closeByPerson(project, branch) {
      const pr = openOf(project, branch);
      if (pr === undefined) return false;
      pr.state = 'closed';
      trace.note(`a person closes pull request ${pr.number} of ${project}`);
      return true;
    },
    reviewByPerson(project, branch, state) {
      const pr = openOf(project, branch);
      const commit = repositories.remote(project, branch);
      if (pr === undefined || commit === null) return false;
      const [name, mayWrite] = random.pick([
        ['mara', true],
        ['ben', true],
        ['eve', false],
      ] as const);
      const id = String(++reviews);
      const body = state === 'approved' ? '' : `look at this, ${id}`;
      pr.people.set(name, { id, by: { id: name, name, mayWrite }, state, commit, body, comments: [], at: 0 });
      trace.note(
        `${name} reviews pull request ${pr.number} of ${project} at ${commit.slice(0, 7)}: ${state}`,
      );
      return true;
    },
  };

  /** The forge merges by itself, if nothing has changed by then. */
  function promise(project: string, branch: string, head: string): void {
    clock.after(random.between(1, 30) * 60_000, () => {
      const isThere = repositories.remote(project, branch) === head && openOf(project, branch) !== undefined;
      if (isThere && !repositories.isMerged(project, head) && !checks.areHeld(project, head))
        merge(project, branch, head, 'orch');
    });
  }

  function merge(project: string, branch: string, head: string, by: 'orch' | 'person'): string {
    if (by === 'orch' && openOf(project, branch) !== undefined && checks.areHeld(project, head))
      trace.broken('merge.checks', `${branch} is merged at ${head.slice(0, 7)}, whose checks are not green`);
    const commit = repositories.merge(project, head);
    const pr = openOf(project, branch);
    if (pr !== undefined) pr.state = 'merged';
    of(project).merges.push({ branch, head, by });
    outside.figures.effects++;
    trace.note(`${branch} of ${project} is merged at ${head.slice(0, 7)} by ${by}`);
    return commit;
  }

  return outside;
}

const MERGE_TROUBLES = [
  [88, 'none'],
  [4, 'conflict'],
  [3, 'refused'],
  [5, 'retry'],
  [4, 'scheduled'],
] as const;
