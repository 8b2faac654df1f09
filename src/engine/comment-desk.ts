import { commentRow } from '../core/announce.ts';
import { COMMANDS, type CommentCommand, readComment } from '../core/comment-command.ts';
import type { NewOutboxRow } from '../core/effects.ts';
import { AppError } from '../core/errors.ts';
import { remarkOf, type TaskFeed } from '../core/feed.ts';
import type { Task } from '../core/model.ts';
import { plain } from '../core/task-report.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { createDecisions } from './decisions.ts';
import type { Actor } from './intake.ts';

/** A comment on an item or on a pull request. */
export interface HeardComment {
  readonly id: string;
  readonly by: { readonly id: string; readonly name: string; readonly mayWrite: boolean };
  readonly body: string;
  readonly createdAt: number;
}

/** Where comments stand, and where what they bring about is answered. */
export interface CommentPlace {
  /** Names the place in the whole installation; with the comment's id it is the key under which it is handled once. */
  readonly prefix: string;
  /** Kind of the tracker or forge, shown behind the name of whoever writes. */
  readonly kind: string;
  /** By what a stage may name a person among its reviewers. */
  names(by: HeardComment['by']): readonly string[];
  reply(task: Task, key: string, body: string): NewOutboxRow;
}

/** An approval that was asked for so much later than a comment was not what that comment approves; clocks differ. */
const STALE_APPROVAL_MS = 2 * 60 * 1000;
const MAX_NAME = 60;

/**
 * What people say where Orch listens: each comment is handled once, whatever happens in between, and only if its
 * writer may write to the project. A command is obeyed and answered; words are the answer to what a task asks, or
 * go to whoever works on it next.
 */
export function createCommentDesk(parts: {
  readonly store: Store;
  readonly decisions: ReturnType<typeof createDecisions>;
  /** What `orch why` says of a task. */
  readonly why: (task: Task) => Promise<string>;
  readonly log: Logger;
}) {
  const { store, decisions, log } = parts;

  /** Throws when the store does; then the comment is handled at another look. */
  async function handle(place: CommentPlace, { task, job }: TaskFeed, comment: HeardComment): Promise<void> {
    const once = keyOf(place, comment);
    const read = comment.by.mayWrite ? readComment(comment.body) : null;
    const isOver = task.status === 'done' || task.status === 'cancelled';
    if (read === null || (read.kind === 'words' && (isOver || read.text === ''))) {
      await store.noteSeen(once, []);
      return;
    }
    const by = `${nameOf(comment.by)} (${place.kind})`;
    const actor: Actor = { by, surface: 'tracker', once, names: place.names(comment.by) };
    const reply = (text: string) => [place.reply(task, `reply:${once}`, text)];
    if (read.kind === 'words') {
      await decisions.hear(task.key, remarkOf(by, read.text), actor);
      return;
    }
    log.info({ key: task.key, by, command: read.kind === 'command' ? read.command.verb : null }, 'commanded');
    try {
      if (read.kind === 'unclear') throw new AppError(read.error, { code: 'usage.comment', hint: COMMANDS });
      const { command } = read;
      if (command.verb === 'why') {
        await store.noteSeen(once, reply(plainLines(await parts.why(task))));
        return;
      }
      if (command.verb === 'approve' && command.commit === null && job.hold === 'approval.pending')
        checkAge(task, comment, job.holdSince);
      await obey(command, task, { ...actor, replies: reply(`${plain(by)}: ${done(command, task)}`) });
    } catch (error) {
      if (!(error instanceof AppError) || error.code.startsWith('store.')) throw error;
      const hint =
        error.hint === undefined
          ? ''
          : `\n\n${error.code === 'usage.comment' ? error.hint : plain(error.hint)}`;
      await store.noteSeen(once, reply(`Not done: ${plain(error.message)}.${hint}`));
    }
  }

  async function obey(command: Exclude<CommentCommand, { verb: 'why' }>, task: Task, actor: Actor) {
    switch (command.verb) {
      case 'retry':
        return decisions.retry(task.key, { note: command.note, fromStage: null, account: null }, actor);
      case 'cancel':
        return decisions.cancel(task.key, false, actor);
      case 'approve':
        return decisions.approve(task.key, command.commit, actor);
      case 'reject':
        return decisions.reject(task.key, command.reason, actor);
      case 'answer':
        return decisions.answer(task.key, command.text, actor);
    }
  }

  return {
    /** Handles those that were not handled before, in their order. */
    async read(place: CommentPlace, of: TaskFeed, comments: readonly HeardComment[]): Promise<void> {
      const known = await store.seen(comments.map((comment) => keyOf(place, comment)));
      for (const comment of comments) {
        if (known.has(keyOf(place, comment))) continue;
        // What the comment before brought about counts for this one.
        const now = (await store.feedOf(of.task.project, of.task.workItemId)) ?? of;
        await handle(place, now, comment);
      }
    },
  };
}

export function keyOf(place: Pick<CommentPlace, 'prefix'>, comment: { readonly id: string }): string {
  return `${place.prefix}:${comment.id}`;
}

/** What people write on the item of a task. */
export function itemPlace(project: string, kind: string, itemId: string): CommentPlace {
  return {
    prefix: `tracker:${project}:${itemId}`,
    kind,
    // A tracker's names are what people call themselves: no permission hangs on them.
    names: ({ id }) => [id],
    reply: (task, key, body) => commentRow(task, key, body),
  };
}

/** The same on its pull request. */
export function pullRequestPlace(project: string, kind: string, number: number): CommentPlace {
  return {
    prefix: `forge:${project}:${number}`,
    kind,
    names: ({ id, name }) => [id, name],
    reply: (task, key, body) => ({
      destination: `forge:${project}`,
      key,
      orderKey: `reply:${project}:${task.key}`,
      availableAt: null,
      message: { kind: 'forge.comment', project, taskId: task.id, body },
    }),
  };
}

/** What is asked for was another thing when the comment was written, or nothing yet. */
function checkAge(task: Task, comment: HeardComment, since: number | null): void {
  if (since === null || comment.createdAt >= since - STALE_APPROVAL_MS) return;
  throw new AppError('the approval was asked for after this comment was written', {
    code: 'approval.stale',
    hint: `say it again, with the commit: /orch approve ${task.head?.slice(0, 7) ?? ''}`.trim(),
  });
}

function done(command: CommentCommand, task: Task): string {
  const head = task.head === null ? '' : ` at \`${task.head.slice(0, 7)}\``;
  switch (command.verb) {
    case 'retry':
      return 'tried again.';
    case 'cancel':
      return 'cancelled. The branch is kept.';
    case 'approve':
      return `approved, ${plain(task.stage)}${head}.`;
    case 'reject':
      return 'rejected; the reason goes to the agent.';
    case 'answer':
      return 'answered; the work goes on.';
    case 'why':
      return '';
  }
}

function plainLines(text: string): string {
  return text
    .split('\n')
    .map((line) => plain(line))
    .join('\n');
}

function nameOf({ name, id }: HeardComment['by']): string {
  const clean = name.replace(/[^\p{L}\p{N} ._@-]/gu, '').trim();
  return (clean === '' ? id : clean).slice(0, MAX_NAME);
}
