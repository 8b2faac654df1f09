import { AppError, messageOf } from '../core/errors.ts';
import type { Forge } from '../forges/forge.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Notifier, NotifierMessage } from '../notifiers/notifier.ts';
import type { OutboxRow, Store } from '../store/store.ts';
import type { Tracker } from '../trackers/tracker.ts';

const BATCH = 50;
const MAX_TRIES = 12;
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
        for (const notifier of to.notifiers)
          await notifier.send({ title: message.line, detail: '', state: 'info', repeated: row.tries > 0 });
        return;
    }
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
        await forge.open({ branch: task.branch, base, title: `${task.key}: ${task.title}`, body: task.body }),
      );
    if (message.action === 'ready' && task.pr?.state === 'draft')
      await store.setPullRequest(task.id, await forge.ready(task.pr));
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
      const refused = error instanceof AppError && error.code === 'notifier.refused';
      const stated = error instanceof AppError ? error.facts['retryAfterMs'] : undefined;
      const delay =
        typeof stated === 'number' ? stated : Math.min(BASE_DELAY_MS * 2 ** row.tries, MAX_DELAY_MS);
      const dead = refused || row.tries + 1 >= MAX_TRIES;
      log.warn(
        { outboxId: row.id, key: row.key, destination: row.destination, error: messageOf(error), dead },
        'message was not delivered',
      );
      await store.undelivered(row.id, messageOf(error), dead ? null : clock() + delay, clock());
    }
  }

  return {
    /** Delivers everything that is due; destinations in parallel, one row at a time each. Safe to call at any time. */
    async run(): Promise<void> {
      const due = await store.dueMessages(clock(), BATCH);
      let attempted = 0;
      const byDestination = Map.groupBy(due, (row) => row.destination);
      await Promise.all(
        [...byDestination].map(async ([destination, rows]) => {
          if (busy.has(destination)) return;
          busy.add(destination);
          try {
            for (const row of rows) {
              attempted++;
              await attempt(row);
            }
          } finally {
            busy.delete(destination);
          }
        }),
      );
      if (attempted > 0) await this.run();
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
