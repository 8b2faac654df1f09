import type { Comment } from '../core/comment.ts';
import { readComment } from '../core/comment-command.ts';
import { AppError, messageOf } from '../core/errors.ts';
import {
  DEPENDENCY,
  dependencies,
  itemStanding,
  NO_MARKS,
  openBlockers,
  remarkOf,
  type TaskFeed,
  withThread,
} from '../core/feed.ts';
import type { IntakeWait } from '../core/intake.ts';
import { webUrl } from '../core/web-url.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { TrackedItem, Tracker, TrackerFeed } from '../trackers/tracker.ts';
import { itemPlace, keyOf } from './comment-desk.ts';
import type { createDecisions } from './decisions.ts';
import type { Actor, createIntake } from './intake.ts';

/** New items that one look takes on; each asks for its comments. The rest follows at once. */
const NEW_PER_LOOK = 20;
/** Items of tasks under way that one look asks for by themselves: those that the rule does not name. */
const ITEMS_PER_LOOK = 20;

const ORCH: Actor = { by: 'orch', surface: 'tracker' };

/** What one look at the items found beside what it did. */
export interface ItemsSeen {
  /** Items that match and are not taken on: nobody let them in. */
  readonly outside: readonly TrackedItem[];
  /** Whether a person let the rule's items in, so that those outside are the ones that were left out. */
  readonly isAccepted: boolean;
  readonly refused: IntakeWait['refused'];
  /** There is more to take on. */
  readonly more: boolean;
  /** The last task whose item was asked for by itself. */
  readonly after: number;
}

/**
 * Brings a project's tasks in line with the items of its tracker: what is new is taken on, what is not wanted any
 * more is stopped, what is wanted again goes on, and what was changed is told. An error of the tracker ends the
 * look, and means nothing else.
 */
export function createItemLook(parts: {
  readonly store: Store;
  readonly intake: ReturnType<typeof createIntake>;
  readonly decisions: ReturnType<typeof createDecisions>;
  readonly clock: Clock;
  readonly log: Logger;
}) {
  const { store, intake, decisions, clock, log } = parts;

  async function take(
    project: string,
    { kind, feed }: { kind: string; feed: TrackerFeed },
    item: TrackedItem,
    signal: AbortSignal,
  ): Promise<void> {
    const comments = await feed.comments(item.id, null, signal);
    const place = itemPlace(project, kind, item.id);
    const marks = {
      ...NO_MARKS,
      rule: feed.rule.fingerprint,
      labels: item.labels,
      commentsSince: newest(comments),
    };
    const seen = comments.map((comment) => keyOf(place, comment));
    const blockers = openBlockers(item, await doneAmong(item));
    await intake.take(project, item, { marks, seen, thread: threadOf(comments) }, blockers);
  }

  /** Keys that an item depends on whose own task is done, whatever their item says by now. */
  async function doneAmong(item: Pick<TrackedItem, 'blockedBy'>): Promise<Set<string>> {
    const done = new Set<string>();
    for (const { key, isOpen } of item.blockedBy)
      if (isOpen && (await store.task(key))?.status === 'done') done.add(key);
    return done;
  }

  async function compare(
    { kind, feed }: { kind: string; feed: TrackerFeed },
    known: TaskFeed,
    item: TrackedItem | null,
  ): Promise<void> {
    const { task, marks } = known;
    const url = webUrl(item?.url ?? null);
    if (url !== null && url !== task.url) await store.noteUrl(task.id, url);
    const standing = itemStanding(item, marks, feed.rule);
    const isUnderWay = task.status === 'active' || task.status === 'needs_you';
    if (standing.kind === 'unwanted' || item === null) {
      // Seen before: a person took the task up again all the same.
      if (isUnderWay && marks.away) return;
      if (isUnderWay) {
        if (isMerging(known)) return;
        log.info({ key: task.key, standing }, 'a task is not wanted any more');
        await decisions.drop(task.key, ORCH);
      }
      if (!marks.away) await store.noteFeed(task.id, { away: true });
      return;
    }
    if (standing.kind === 'wanted') {
      if (task.status === 'cancelled' && marks.away) await decisions.revive(task.key, ORCH);
      const isSame = marks.rule === feed.rule.fingerprint && marks.labels.join() === item.labels.join();
      if ((isUnderWay && !isSame) || marks.away)
        await store.noteFeed(task.id, {
          ...{ rule: feed.rule.fingerprint, labels: item.labels, away: false },
        });
    } else if (task.status === 'cancelled' && !marks.away) await store.noteFeed(task.id, { away: true });
    if (!isUnderWay) return;
    const isEdited = task.title !== item.title || task.body !== item.body;
    // Who edited it is not told; whoever wrote it may, and whoever may write.
    if (isEdited && item.author?.mayWrite === true)
      await decisions.edited(task.key, item, { ...ORCH, by: kind });
    const needsLook = item.blockedBy.length > 0 || known.job.hold === DEPENDENCY;
    const open = needsLook ? openBlockers(item, await doneAmong(item)) : [];
    if (needsLook && Object.keys(dependencies(known, open, null)).length > 0)
      await decisions.dependencies(task.key, open, ORCH);
  }

  return async function look(
    project: string,
    tracker: Tracker & { feed: TrackerFeed },
    before: {
      readonly after: number;
      readonly asked: ReadonlySet<string>;
      readonly refused: IntakeWait['refused'];
    },
    signal: AbortSignal,
  ): Promise<ItemsSeen> {
    const { feed } = tracker;
    const items = await feed.matching(signal);
    const accepted = await store.intake(project);
    const isAccepted = accepted?.fingerprint === feed.rule.fingerprint;
    const leftOut = new Set(isAccepted ? accepted.leftOut : []);
    const feeds = await store.feeds(project);
    const known = new Map(feeds.map((each) => [each.task.workItemId, each]));
    const outside: TrackedItem[] = [];
    const refused: IntakeWait['refused'][number][] = [];
    let taken = 0;
    let more = false;
    for (const item of items) {
      signal.throwIfAborted();
      const here = known.get(item.id) ?? (await store.feedOf(project, item.id));
      if (here !== null) {
        if (here.marks.rule !== null) await compare(tracker, here, item);
      } else if (!isAccepted || leftOut.has(item.id)) outside.push(item);
      else if (taken >= NEW_PER_LOOK) more = true;
      else {
        taken += 1;
        try {
          await take(project, tracker, item, signal);
        } catch (error) {
          if (!isOfItem(error)) throw error;
          const since = before.refused.find(({ key }) => key === item.key)?.since ?? clock();
          refused.push({ key: item.key, error: messageOf(error), since });
          log.warn({ key: item.key, error: messageOf(error) }, 'an item was not taken on');
        }
      }
    }
    const matching = new Set(items.map(({ id }) => id));
    const absent = feeds.filter(({ task, marks }) => marks.rule !== null && !matching.has(task.workItemId));
    const chosen = inTurn(absent, before, ITEMS_PER_LOOK);
    for (const each of chosen) {
      signal.throwIfAborted();
      await compare(tracker, each, await tracker.item(each.task.workItemId, signal));
    }
    return { outside, isAccepted, refused, more, after: chosen.at(-1)?.task.id ?? 0 };
  };
}

/** Those that were asked for, then the others in turn, beginning behind the last one of the look before. */
export function inTurn(
  feeds: readonly TaskFeed[],
  { after, asked }: { readonly after: number; readonly asked: ReadonlySet<string> },
  limit: number,
): TaskFeed[] {
  const isAsked = ({ task }: TaskFeed) => asked.has(task.workItemId);
  const others = feeds.filter((feed) => !isAsked(feed));
  const behind = others.filter(({ task }) => task.id > after);
  const ahead = others.filter(({ task }) => task.id <= after);
  return [...feeds.filter(isAsked), ...behind, ...ahead].slice(0, limit);
}

/** A merge may close the item by itself: whoever merges says how the task ends. */
function isMerging({ task, job }: TaskFeed): boolean {
  return task.pr?.state === 'merged' || (job.agent === null && job.status === 'running');
}

/** What is wrong with one item, or with its project's repository, stops no other look; a tracker that is away does. */
function isOfItem(error: unknown): boolean {
  return error instanceof AppError && !/^(?:store|tracker)\./.test(error.code);
}

function threadOf(comments: readonly Comment[]): string {
  return comments.reduce((thread, { by, body }) => {
    const read = by.mayWrite ? readComment(body) : null;
    return read?.kind === 'words' && read.text !== ''
      ? withThread(thread, remarkOf(by.name, read.text))
      : thread;
  }, '');
}

export function newest(comments: readonly { readonly updatedAt: number }[]): number | null {
  return comments.reduce<number | null>((at, { updatedAt }) => Math.max(at ?? 0, updatedAt), null);
}
