import { AppError, messageOf } from '../core/errors.ts';
import { pullRequestBody } from '../core/trace-markdown.ts';
import type { Forge } from '../forges/forge.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Notifier, NotifierMessage } from '../notifiers/notifier.ts';
import type { OutboxRow, Store } from '../store/store.ts';
import type { Tracker } from '../trackers/tracker.ts';

const BATCH = 50;
/** A fault of ours is not mended by trying: so often, and no more. */
const MAX_TRIES = 12;
/** Who is out of reach comes back, after a night or a weekend: what he is to get waits for him so long. */
const PATIENCE_MS = 7 * 24 * 60 * 60 * 1000;
const BASE_DELAY_MS = 1000;
const MAX_DELAY_MS = 5 * 60 * 1000;
/** A cleared incident is told anew, not edited, when it comes back after this time. */
const REOPEN_MS = 4 * 60 * 60 * 1000;

export interface Destinations {
  tracker(project: string): Tracker | null;
  forge(project: string): Forge | null;
  base(project: string): string;
  readonly notifiers: readonly Notifier[];
}

/**
 * Delivers outbox rows: in order per work item, each destination on its own, with backoff. Receivers
 * are given the row's key, so a row that is delivered again after a crash changes nothing there.
 */
export function createDelivery(options: {
  store: Store;
  destinations: () => Destinations;
  clock: Clock;
  log: Logger;
}) {
  const { store, clock, log } = options;
  const busy = new Set<string>();

  async function deliver(row: OutboxRow): Promise<void> {
    const to = options.destinations();
    const { message } = row;
    switch (message.kind) {
      case 'tracker.comment':
        return need(to.tracker(message.project), message.project).comment(
          message.workItemId,
          row.key,
          message.body,
        );
      case 'tracker.status':
        return need(to.tracker(message.project), message.project).setStatus(
          message.workItemId,
          message.status,
          message.stage,
        );
      case 'forge.pull_request':
      case 'forge.comment':
        return deliverToForge(
          row,
          need(to.forge(message.project), message.project),
          to.base(message.project),
        );
      case 'notify.incident':
        return tell(to.notifiers, message.incident, {
          title: message.title,
          detail: message.detail,
          state: message.urgent ? 'failed' : 'needs_you',
          repeated: row.tries > 0,
        });
      case 'notify.resolved':
        return resolve(to.notifiers, message.incident);
      case 'notify.digest':
        return digest(to.notifiers, [message.line], row.tries > 0);
    }
  }

  async function digest(
    notifiers: readonly Notifier[],
    lines: readonly string[],
    repeated: boolean,
  ): Promise<void> {
    const [first, ...more] = lines;
    const title = more.length === 0 ? (first ?? '') : `${lines.length} tasks done`;
    for (const notifier of notifiers)
      await notifier.send({
        title,
        detail: more.length === 0 ? '' : lines.join('\n'),
        state: 'info',
        repeated,
      });
  }

  /** All digest lines that are due go out as one message. */
  async function attemptDigest(rows: readonly OutboxRow[]): Promise<void> {
    const lines = rows.flatMap(({ message }) => (message.kind === 'notify.digest' ? [message.line] : []));
    const [first] = rows;
    if (first === undefined) return;
    await digest(options.destinations().notifiers, lines, first.tries > 0).then(
      async () => {
        for (const row of rows) await store.delivered(row.id, clock());
      },
      async (error: unknown) => {
        for (const row of rows) await undelivered(row, error);
      },
    );
  }

  async function deliverToForge(row: OutboxRow, forge: Forge, base: string): Promise<void> {
    const { message } = row;
    if (message.kind !== 'forge.pull_request' && message.kind !== 'forge.comment') return;
    const task = await store.taskById(message.taskId);
    if (task === null) return;
    if (message.kind === 'forge.comment') {
      if (task.pr !== null) await forge.comment(task.pr, row.key, message.body);
      return;
    }
    if (message.action === 'open' && task.pr === null)
      await store.setPullRequest(
        task.id,
        await forge.open({
          branch: task.branch,
          base,
          title: `${task.key}: ${task.title}`,
          body: pullRequestBody(task),
        }),
      );
    // Again for one that is open: its matrix may have changed since.
    if (message.action === 'ready' && (task.pr?.state === 'draft' || task.pr?.state === 'open'))
      await store.setPullRequest(task.id, await forge.ready(task.pr, pullRequestBody(task)));
  }

  /** One incident, one message: the first is sent, later ones edit it. */
  async function tell(notifiers: readonly Notifier[], key: string, message: NotifierMessage): Promise<void> {
    const now = clock();
    for (const notifier of notifiers) {
      const known = await store.incident(key, notifier.channel);
      const text = `${message.title}\n${message.detail}`;
      const open = known !== null && known.resolvedAt === null && now - known.openedAt < REOPEN_MS;
      if (known !== null && open) {
        if (known.text !== text) await notifier.edit(known.messageRef, message);
        await store.saveIncident({ ...known, text, updatedAt: now });
        continue;
      }
      const messageRef = await notifier.send(message);
      await store.saveIncident({
        key,
        channel: notifier.channel,
        messageRef,
        text,
        openedAt: now,
        updatedAt: now,
        resolvedAt: null,
      });
    }
  }

  async function resolve(notifiers: readonly Notifier[], key: string): Promise<void> {
    const now = clock();
    for (const notifier of notifiers) {
      const known = await store.incident(key, notifier.channel);
      if (known === null || known.resolvedAt !== null) continue;
      const title = known.text.split('\n')[0] ?? key;
      await notifier.edit(known.messageRef, {
        title: `Resolved: ${title}`,
        detail: `Lasted ${minutes(now - known.openedAt)}.`,
        state: 'resolved',
        repeated: false,
      });
      await store.saveIncident({ ...known, updatedAt: now, resolvedAt: now });
    }
  }

  async function attempt(row: OutboxRow): Promise<void> {
    try {
      await deliver(row);
      await store.delivered(row.id, clock());
    } catch (error) {
      await undelivered(row, error);
    }
  }

  async function undelivered(row: OutboxRow, error: unknown): Promise<void> {
    const refused = error instanceof AppError && error.code === 'notifier.refused';
    const stated = error instanceof AppError ? error.facts['retryAfterMs'] : undefined;
    const delay =
      typeof stated === 'number' ? stated : Math.min(BASE_DELAY_MS * 2 ** row.tries, MAX_DELAY_MS);
    const patienceMs = error instanceof AppError ? PATIENCE_MS : 0;
    const dead = refused || (row.tries + 1 >= MAX_TRIES && clock() - row.createdAt >= patienceMs);
    const what = messageOf(error);
    log.warn(
      { outboxId: row.id, key: row.key, destination: row.destination, error: what, dead },
      'message was not delivered',
    );
    await store.undelivered(row.id, what, dead ? null : clock() + delay, clock());
  }

  return {
    /** Delivers everything that is due; destinations in parallel, one row at a time each. Resolves with how many were tried. Safe to call at any time. */
    async run(): Promise<number> {
      const due = await store.dueMessages(clock(), BATCH);
      let attempted = 0;
      const byDestination = Map.groupBy(due, (row) => row.destination);
      await Promise.all(
        [...byDestination].map(async ([destination, rows]) => {
          if (busy.has(destination)) return;
          busy.add(destination);
          try {
            const digests = rows.filter((row) => row.message.kind === 'notify.digest');
            attempted += rows.length;
            for (const row of rows) if (!digests.includes(row)) await attempt(row);
            await attemptDigest(digests);
          } finally {
            busy.delete(destination);
          }
        }),
      );
      return attempted > 0 ? attempted + (await this.run()) : 0;
    },
  };
}

function need<T>(destination: T | null, project: string): T {
  if (destination !== null) return destination;
  throw new AppError(`project ${project} is not in the configuration`, {
    code: 'project.unknown',
    hint: 'add it to orch.yaml',
  });
}

function minutes(ms: number): string {
  return ms < 60_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
