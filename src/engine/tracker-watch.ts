import { type BackoffRule, retryDelayMs } from '../core/backoff.ts';
import type { Unanswered } from '../core/delivery.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { TaskFeed } from '../core/feed.ts';
import type { IntakeWait } from '../core/intake.ts';
import type { Task } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { Tracker, TrackerFeed } from '../trackers/tracker.ts';
import { createCommentDesk, itemPlace, pullRequestPlace } from './comment-desk.ts';
import type { createDecisions } from './decisions.ts';
import type { createIntake } from './intake.ts';
import { createItemLook, type ItemsSeen, inTurn, newest } from './item-look.ts';
import type { Runtime, RuntimeProject } from './runtime.ts';

/** Items, and pull requests, whose comments one look asks for: the others have their turn at the next ones. */
const COMMENTS_PER_LOOK = 20;
/** Between two looks at one project, however often it is nudged. */
const MIN_GAP_MS = 1000;
/** Items that nudges have asked for and that wait for a look; of more, the regular turn finds out. */
const MAX_ASKED = 100;
const MAX_BACKOFF_MS = 15 * 60 * 1000;
const NOTHING: ItemsSeen = { outside: [], isAccepted: true, refused: [], more: false, after: 0 };

/** One project that is looked at again and again. */
interface Round {
  timer: NodeJS.Timeout | undefined;
  looking: Promise<void> | null;
  again: boolean;
  /** Items and pull requests to be looked at first, by the tracker's name and by number. */
  asked: Set<string>;
  askedPulls: Set<number>;
  lastAt: number;
  trouble: Unanswered | null;
  seen: ItemsSeen;
  /** When the items that are outside were first seen to be. */
  outsideSince: number | null;
  afterComments: number;
  afterPulls: number;
}

/**
 * Looks at the trackers, and at what is said on items and pull requests: every so often, and soon after a nudge.
 * There is one look per project at a time. A tracker that does not answer means nothing but that; it is asked
 * again at growing intervals.
 */
export function createTrackerWatch(parts: {
  readonly store: Store;
  readonly intake: ReturnType<typeof createIntake>;
  readonly decisions: ReturnType<typeof createDecisions>;
  readonly runtime: () => Runtime;
  readonly why: (task: Task) => Promise<string>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly intervalMs: number;
}) {
  const { store, clock, log } = parts;
  const lookAtItems = createItemLook(parts);
  const desk = createCommentDesk(parts);
  const rounds = new Map<string, Round>();
  const stopping = new AbortController();
  const { signal } = stopping;

  async function look(key: string, round: Round): Promise<void> {
    const project = parts.runtime().projects.get(key);
    if (project === undefined) return;
    const asked = round.asked;
    const askedPulls = round.askedPulls;
    round.asked = new Set();
    round.askedPulls = new Set();
    try {
      const { tracker } = project;
      if (hasFeed(tracker)) {
        const before = { after: round.seen.after, asked, refused: round.seen.refused };
        round.seen = await lookAtItems(key, tracker, before, signal);
        round.outsideSince = round.seen.outside.length === 0 ? null : (round.outsideSince ?? clock());
        if (round.seen.more) round.again = true;
        await readItems(key, tracker, round, asked);
      }
      if (round.trouble !== null) log.info({ project: key }, 'the tracker answers again');
      round.trouble = null;
    } catch (error) {
      if (signal.aborted) return;
      for (const id of asked) ask(round.asked, id);
      troubled(key, round, error);
    }
    await readPulls(key, project, round, askedPulls).catch((error: unknown) => {
      const level = error instanceof AppError ? 'warn' : 'error';
      if (!signal.aborted)
        log[level]({ project: key, error: messageOf(error) }, 'comments on pull requests were not read');
    });
  }

  function troubled(key: string, round: Round, error: unknown): void {
    const now = clock();
    const level = error instanceof AppError ? 'warn' : 'error';
    log[level]({ project: key, error: stackOf(error) }, 'a tracker was not looked at');
    // Our own store is busy, or a fault of ours: nothing was learned of the tracker.
    if (!(error instanceof AppError) || !error.code.startsWith('tracker.')) return;
    const failures = (round.trouble?.failures ?? 0) + 1;
    const { retryAfterMs } = error.facts;
    const stated = typeof retryAfterMs === 'number' ? Math.max(retryAfterMs, MIN_GAP_MS) : null;
    const rule: BackoffRule = { baseMs: parts.intervalMs, maxMs: Math.max(MAX_BACKOFF_MS, parts.intervalMs) };
    round.trouble = {
      ...{ since: round.trouble?.since ?? now, failures, error: messageOf(error), triedAt: now },
      nextTryAt: now + retryDelayMs(failures, stated, rule, parts.random()),
    };
  }

  async function readItems(
    key: string,
    { kind, feed }: Tracker & { feed: TrackerFeed },
    round: Round,
    asked: ReadonlySet<string>,
  ): Promise<void> {
    const underWay = (await store.feeds(key)).filter(isUnderWay);
    // A task that is over is heard when somebody was just said to have written there: it may be revived.
    const over = [];
    for (const id of asked)
      if (!underWay.some(({ task }) => task.workItemId === id)) over.push(await store.feedOf(key, id));
    const feeds = [...over.filter((each) => each !== null), ...underWay].filter(
      ({ marks }) => marks.rule !== null,
    );
    const chosen = inTurn(feeds, { after: round.afterComments, asked }, COMMENTS_PER_LOOK);
    for (const each of chosen) {
      signal.throwIfAborted();
      const { workItemId, id } = each.task;
      const since = each.marks.commentsSince;
      const comments = await feed.comments(workItemId, since, signal).catch(unlessRefused);
      await desk.read(itemPlace(key, kind, workItemId), each, comments);
      const until = newest(comments);
      if (until !== null && until > (since ?? -1)) await store.noteFeed(id, { commentsSince: until });
      round.afterComments = id;
    }
  }

  /** Comments alone: how a pull request stands is looked at by whoever merges it. */
  async function readPulls(
    key: string,
    { forge }: RuntimeProject,
    round: Round,
    asked: ReadonlySet<number>,
  ): Promise<void> {
    const { feed } = forge;
    if (feed === null) return;
    const open = (await store.feeds(key)).filter(
      (each) => isUnderWay(each) && (each.task.pr?.state === 'draft' || each.task.pr?.state === 'open'),
    );
    const first = open.filter(({ task }) => task.pr !== null && asked.has(task.pr.number));
    const items = new Set(first.map(({ task }) => task.workItemId));
    for (const each of inTurn(open, { after: round.afterPulls, asked: items }, COMMENTS_PER_LOOK)) {
      signal.throwIfAborted();
      const { pr, id } = each.task;
      if (pr === null) continue;
      const since = each.marks.reviewCommentsSince;
      const comments = await feed.comments(pr, since, signal).catch(unlessRefused);
      await desk.read(pullRequestPlace(key, forge.kind, pr.number), each, comments);
      const until = newest(comments);
      if (until !== null && until > (since ?? -1)) await store.noteFeed(id, { reviewCommentsSince: until });
      round.afterPulls = id;
    }
  }

  function begin(key: string, round: Round): void {
    if (signal.aborted || rounds.get(key) !== round) return;
    if (round.looking !== null) {
      round.again = true;
      return;
    }
    clearTimeout(round.timer);
    round.again = false;
    round.lastAt = clock();
    round.looking = look(key, round)
      .catch((error: unknown) => log.error({ project: key, error: stackOf(error) }, 'a look failed'))
      .then(() => {
        round.looking = null;
        later(key, round, round.again ? MIN_GAP_MS : pauseOf(round));
      });
  }

  function later(key: string, round: Round, delayMs: number): void {
    if (signal.aborted || rounds.get(key) !== round) return;
    clearTimeout(round.timer);
    round.timer = setTimeout(() => begin(key, round), delayMs);
  }

  function pauseOf({ trouble }: Round): number {
    if (trouble !== null) return Math.max(MIN_GAP_MS, trouble.nextTryAt - trouble.triedAt);
    return Math.round(parts.intervalMs * (0.9 + 0.2 * parts.random()));
  }

  /** Soon, also a tracker that did not answer: somebody has just heard from it. */
  function hurry(key: string): void {
    const round = rounds.get(key);
    if (round === undefined) return;
    if (round.looking !== null) {
      round.again = true;
      return;
    }
    const since = Math.max(0, clock() - round.lastAt);
    later(key, round, Math.max(0, MIN_GAP_MS - since));
  }

  /** Nothing is looked at. */
  async function idle(): Promise<void> {
    for (const { looking } of rounds.values()) await looking;
  }

  /** One round per project that has something to be looked at. */
  function follow(): void {
    const { projects } = parts.runtime();
    for (const [key, round] of rounds)
      if (!projects.has(key)) {
        clearTimeout(round.timer);
        rounds.delete(key);
      }
    for (const [key, { tracker, forge }] of projects) {
      if (rounds.has(key) || (tracker.feed === null && forge.feed === null)) continue;
      const round: Round = {
        ...{ timer: undefined, looking: null, again: false, asked: new Set(), askedPulls: new Set() },
        ...{ lastAt: 0, trouble: null, seen: NOTHING, outsideSince: null, afterComments: 0, afterPulls: 0 },
      };
      rounds.set(key, round);
      begin(key, round);
    }
  }

  return {
    start: follow,
    /** The configuration is another one: everything is looked at anew. */
    reload(): void {
      follow();
      for (const key of rounds.keys()) hurry(key);
    },
    async stop(): Promise<void> {
      stopping.abort();
      for (const { timer } of rounds.values()) clearTimeout(timer);
      await idle();
    },
    idle,
    /** An item, or a pull request, of a project changed, they say; null = something there did. */
    nudge(key: string, what: { readonly item: string } | { readonly pullRequest: number } | null): void {
      const round = rounds.get(key);
      if (round === undefined) return;
      if (what !== null && 'item' in what) ask(round.asked, what.item);
      if (what !== null && 'pullRequest' in what) ask(round.askedPulls, what.pullRequest);
      hurry(key);
    },
    /** Trackers that did not answer the last look, by the name of their destination. */
    troubles(): ReadonlyMap<string, Unanswered> {
      return new Map(
        [...rounds].flatMap(([key, { trouble }]) => (trouble === null ? [] : [[`tracker:${key}`, trouble]])),
      );
    },
    /** What the last looks left outside. */
    waits(only: string | null): IntakeWait[] {
      return [...rounds].flatMap(([project, { seen, outsideSince }]) => {
        const feed = parts.runtime().projects.get(project)?.tracker.feed;
        if (feed == null || (only !== null && project !== only)) return [];
        const pending = seen.isAccepted ? [] : seen.outside.map(({ key }) => key);
        const wait = {
          project,
          rule: feed.rule.text,
          pending,
          since: outsideSince ?? 0,
          refused: seen.refused,
        };
        return pending.length + seen.refused.length === 0 ? [] : [wait];
      });
    },
  };
}

function hasFeed(tracker: Tracker): tracker is Tracker & { feed: TrackerFeed } {
  return tracker.feed !== null;
}

function isUnderWay({ task }: TaskFeed): boolean {
  return task.status === 'active' || task.status === 'needs_you';
}

function ask<T>(asked: Set<T>, what: T): void {
  if (asked.size < MAX_ASKED) asked.add(what);
}

/** One item that is gone, or will not show its comments, says nothing of the others. */
function unlessRefused(error: unknown): [] {
  if (error instanceof AppError && error.code.endsWith('.refused')) return [];
  throw error;
}

function stackOf(error: unknown): string {
  return error instanceof Error && !(error instanceof AppError)
    ? (error.stack ?? error.message)
    : messageOf(error);
}
