import type { Effects } from './effects.ts';
import type { Job, Task } from './model.ts';

/**
 * How what people do in a tracker reaches a task: pure rules. An item is compared with what was last seen of it,
 * and only closing it, taking its label away or deleting it there stops a task; everything else waits for the
 * next stage or attempt.
 */

/** What is remembered of the item that a task came from. */
export interface FeedMarks {
  /** Fingerprint of the match rule under which the item was last seen to match; null = never, a person handed it in. */
  readonly rule: string | null;
  /** Labels that it had then. */
  readonly labels: readonly string[];
  /** It was seen to match no more, or a person took its task up again whatever it says: matching again, it is wanted again. */
  readonly away: boolean;
  /** Newest comment seen, by the tracker's own clock; null = none yet. */
  readonly commentsSince: number | null;
  /** The same of the task's pull request. */
  readonly reviewCommentsSince: number | null;
}

export interface TaskFeed {
  readonly task: Task;
  /** Its latest job. */
  readonly job: Job;
  readonly marks: FeedMarks;
}

export const NO_MARKS: FeedMarks = {
  rule: null,
  labels: [],
  away: false,
  commentsSince: null,
  reviewCommentsSince: null,
};

/** A work item, as far as the rules look at it. */
export interface FeedItem {
  readonly key: string;
  readonly title: string;
  readonly body: string;
  readonly isOpen: boolean;
  readonly mismatch: string | null;
  readonly labels: readonly string[];
  readonly blockedBy: readonly { readonly key: string; readonly isOpen: boolean }[];
  readonly author: { readonly mayWrite: boolean } | null;
}

export type ItemStanding =
  | { readonly kind: 'wanted' }
  /** Still there, matching no more for a reason that stops nothing: another state, another assignee. */
  | { readonly kind: 'drifted' }
  | { readonly kind: 'unwanted'; readonly why: string };

/**
 * Whether a task is still wanted. `null` is an item that is certainly gone. A rule that changed since the item
 * last matched takes nothing away: nobody touched the item.
 */
export function itemStanding(
  item: FeedItem | null,
  marks: FeedMarks,
  rule: { readonly text: string; readonly fingerprint: string },
): ItemStanding {
  if (item === null) return { kind: 'unwanted', why: 'its item was deleted' };
  if (!item.isOpen) return { kind: 'unwanted', why: 'its item was closed' };
  if (item.mismatch === null) return { kind: 'wanted' };
  const words = `${rule.text}\n${item.mismatch}`;
  const lost = marks.labels.find((label) => !item.labels.includes(label) && isNamed(label, words));
  return lost !== undefined && marks.rule === rule.fingerprint
    ? { kind: 'unwanted', why: `its label ${lost} was taken away` }
    : { kind: 'drifted' };
}

/** The name stands in the text by itself, not as a part of a longer word. */
function isNamed(name: string, text: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const [before, after] = [text[at - 1] ?? ' ', text[at + name.length] ?? ' '];
    if (!/[\p{L}\p{N}_-]/u.test(before) && !/[\p{L}\p{N}_-]/u.test(after)) return true;
  }
  return false;
}

/** Something that a person with write access said or did where Orch listens, for the next stage or attempt. */
export interface Remark {
  readonly by: string;
  readonly text: string;
}

const MAX_REMARK = 8000;
const MAX_REMARKS = 20;
const MAX_THREAD = 30_000;

export function remarkOf(by: string, text: string): Remark {
  return { by, text: text.slice(0, MAX_REMARK) };
}

/** The newest remarks, at most so many. */
export function withRemarks(known: readonly Remark[], more: readonly Remark[]): readonly Remark[] {
  return [...known, ...more].slice(-MAX_REMARKS);
}

/** The thread of an item, with one more word; what is oldest goes when it gets too long. */
export function withThread(thread: string, { by, text }: Remark): string {
  const grown = thread === '' ? `${by}: ${text}` : `${thread}\n\n${by}: ${text}`;
  if (grown.length <= MAX_THREAD) return grown;
  const cut = grown.slice(-MAX_THREAD);
  const start = cut.indexOf('\n\n');
  return `(earlier comments are left out)\n\n${start < 0 ? cut : cut.slice(start + 2)}`;
}

/** Whether the thread ends with just this word. */
export function wasSaidLast(thread: string, { by, text }: Remark): boolean {
  return `\n\n${thread}`.endsWith(`\n\n${by}: ${text}`);
}

/**
 * A person said something: kept with the item's thread, and told to the next attempt of a job that waits, or to
 * whatever follows one that runs or has ended. Never stops a run. Nobody is told what concerns a task that is over.
 */
export function hear({ task, job }: { task: Task | null; job: Job }, remark: Remark): Effects {
  if (task === null || task.status === 'done' || task.status === 'cancelled') return {};
  const { context } = job;
  return {
    task: { thread: withThread(task.thread, remark) },
    job: {
      context:
        job.status === 'queued'
          ? { ...context, heard: withRemarks(context.heard, [remark]) }
          : { ...context, unheard: withRemarks(context.unheard, [remark]) },
    },
  };
}

/** Somebody who may write changed title or body of the item. */
export function edited(
  state: { task: Task | null; job: Job },
  item: { readonly title: string; readonly body: string },
  by: string,
): Effects {
  const { task } = state;
  if (task === null || (task.title === item.title && task.body === item.body)) return {};
  const title = task.title === item.title ? '' : `The title is now: ${item.title}\n`;
  const body = task.body === item.body ? '' : `The text is now:\n${item.body}`;
  const heard = hear(state, remarkOf(by, `The work item was edited.\n${title}${body}`.trimEnd()));
  return {
    ...heard,
    task: { title: item.title, body: item.body },
  };
}

/** Items that have to be done first, by key. `done` are tasks of ours that are. */
export function openBlockers(item: Pick<FeedItem, 'blockedBy'>, done: ReadonlySet<string>): string[] {
  return item.blockedBy.flatMap(({ key, isOpen }) => (isOpen && !done.has(key) ? [key] : []));
}

export const DEPENDENCY = 'dependency.open';

/**
 * Holds the first job of a task while items that it depends on are open, and lets it go when they are not; what
 * has begun once goes on. `hold` is what the job would wait for without them.
 */
export function dependencies(
  { task, job }: { task: Task | null; job: Job },
  open: readonly string[],
  hold: string | null,
): Effects {
  const isFirst = task !== null && job.createdAt === task.createdAt && job.fence === 0;
  if (!isFirst || job.status !== 'queued' || job.context.ignoresDependencies) return {};
  if (open.length === 0) return job.hold === DEPENDENCY ? { job: { hold } } : {};
  const isSame = job.hold === DEPENDENCY && open.join() === job.context.dependsOn.join();
  if (isSame || (job.hold !== null && job.hold !== DEPENDENCY)) return {};
  return { job: { hold: DEPENDENCY, context: { ...job.context, dependsOn: open } } };
}
