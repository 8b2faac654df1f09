import type { Delivery } from '../core/delivery.ts';
import { AppError } from '../core/errors.ts';
import { lineOf } from '../core/forge-words.ts';
import type { PullRequest, Task } from '../core/model.ts';
import { reportRow } from '../core/task.ts';
import { taskReport } from '../core/task-report.ts';
import { pullRequestBody } from '../core/trace-markdown.ts';
import { type Forge, OWN_CONTEXT } from '../forges/forge.ts';
import type { Clock } from '../lib/clock.ts';
import { redact } from '../lib/redact.ts';
import type { Notifier, NotifierMessage } from '../notifiers/notifier.ts';
import type { OutboxRow, Store } from '../store/store.ts';
import type { Tracker } from '../trackers/tracker.ts';

/** A cleared incident is told anew, not edited, when it comes back after this time. */
const REOPEN_MS = 4 * 60 * 60 * 1000;
/** Jobs and runs that a report counts. */
const REPORTED = 1000;

/** What agents wrote is cleaned by shape alone: the secrets of ours never reach them. */
const NO_SECRETS = { secrets: [], homes: [] };

export interface Destinations {
  tracker(project: string): Tracker | null;
  forge(project: string): Forge | null;
  base(project: string): string;
  /** Stages of a task's pipeline, in order; empty when it is not configured any more. */
  stages(task: Task): readonly string[];
  readonly notifiers: readonly Notifier[];
}

/**
 * Brings one outbox row to its receiver; throws what the receiver throws. Safe to repeat as its port says:
 * what was done already is found by the delivery's key, or done again without a difference.
 */
export function createSender(parts: {
  readonly store: Store;
  readonly destinations: () => Destinations;
  readonly clock: Clock;
}) {
  const { store, clock } = parts;

  async function send({ message }: OutboxRow, by: Delivery): Promise<void> {
    const to = parts.destinations();
    switch (message.kind) {
      case 'tracker.comment':
        return need(to.tracker(message.project), message.project).comment(
          message.workItemId,
          message.body,
          by,
        );
      case 'tracker.report': {
        const text = await reportOf(message.taskId);
        if (text === null) return;
        return need(to.tracker(message.project), message.project).report(message.workItemId, text, by);
      }
      case 'tracker.status':
        return need(to.tracker(message.project), message.project).setStatus(
          message.workItemId,
          message.status,
          message.stage,
          by,
        );
      case 'forge.pull_request':
      case 'forge.comment': {
        const task = await store.taskById(message.taskId);
        if (task === null) return;
        const forge = need(to.forge(message.project), message.project);
        const pr = await pullRequestOf(task, forge, to.base(message.project), by);
        // Without a commit there is nothing to open, and nobody to read a comment.
        if (pr === null) return;
        if (message.kind === 'forge.comment') return forge.comment(pr, message.body, by);
        // Again for one that is open: its matrix may have changed since.
        if (message.action === 'ready' && (pr.state === 'draft' || pr.state === 'open'))
          await store.setPullRequest(task.id, await forge.ready(pr, pullRequestBody(task), by));
        return;
      }
      case 'forge.status': {
        const { head, stage, state } = message;
        const description = lineOf(redact(message.description, NO_SECRETS));
        const status = { head, context: `${OWN_CONTEXT}${stage}`, state, description, url: null };
        return need(to.forge(message.project), message.project).status(status, by);
      }
      case 'forge.review': {
        const task = await store.taskById(message.taskId);
        if (task === null) return;
        const forge = need(to.forge(message.project), message.project);
        const pr = await pullRequestOf(task, forge, to.base(message.project), by);
        if (pr === null) return;
        const clean = (text: string) => redact(text, NO_SECRETS);
        const findings = message.findings.map((each) => ({
          ...each,
          title: clean(each.title),
          detail: clean(each.detail),
        }));
        const { head, event } = message;
        return forge.review(pr, { head, event, body: clean(message.body), findings }, by);
      }
      case 'notify.incident':
        return tell(to.notifiers, message.incident, by, {
          title: message.title,
          detail: message.detail,
          state: message.urgent ? 'failed' : 'needs_you',
        });
      case 'notify.resolved':
        return resolve(to.notifiers, message.incident, by);
      case 'notify.digest':
        return digest([message.line], by);
    }
  }

  /** Made of what is so now, whatever the row was written for. */
  async function reportOf(taskId: number): Promise<string | null> {
    const task = await store.taskById(taskId);
    if (task === null) return null;
    const of = { taskId, limit: REPORTED };
    const [jobs, runs] = await Promise.all([store.jobs(of), store.runs(of)]);
    const stages = parts.destinations().stages(task);
    return taskReport({ task, stages, jobs: jobs.items, runs: runs.items });
  }

  /** Several good news in one message. */
  async function digest(lines: readonly string[], by: Delivery): Promise<void> {
    const [first, ...more] = lines;
    const title = more.length === 0 ? (first ?? '') : `${lines.length} tasks done`;
    for (const notifier of parts.destinations().notifiers)
      await notifier.send({ title, detail: more.length === 0 ? '' : lines.join('\n'), state: 'info' }, by);
  }

  /** Opened now if the row that should have was given up: what comes behind it does not get lost with it. */
  async function pullRequestOf(
    task: Task,
    forge: Forge,
    base: string,
    by: Delivery,
  ): Promise<PullRequest | null> {
    if (task.pr !== null || task.head === null) return task.pr;
    const { branch } = task;
    const request = { branch, base, title: `${task.key}: ${task.title}`, body: pullRequestBody(task) };
    const pr = await forge.open(request, by);
    await store.setPullRequest(task.id, pr);
    if (parts.destinations().tracker(task.project)?.feed != null)
      await store.tell([reportRow(task, `pr:${pr.number}`)]);
    return pr;
  }

  /** One incident, one message: the first is sent, later ones edit it. */
  async function tell(
    notifiers: readonly Notifier[],
    key: string,
    by: Delivery,
    message: NotifierMessage,
  ): Promise<void> {
    const now = clock();
    for (const notifier of notifiers) {
      const known = await store.incident(key, notifier.channel);
      const text = `${message.title}\n${message.detail}`;
      const isOpen = known !== null && known.resolvedAt === null && now - known.openedAt < REOPEN_MS;
      if (isOpen && (known.text === text || (await edited(notifier, known.messageRef, message, by)))) {
        await store.saveIncident({ ...known, text, updatedAt: now });
        continue;
      }
      const messageRef = await notifier.send(message, by);
      const times = { openedAt: now, updatedAt: now, resolvedAt: null };
      await store.saveIncident({ key, channel: notifier.channel, messageRef, text, ...times });
    }
  }

  async function resolve(notifiers: readonly Notifier[], key: string, by: Delivery): Promise<void> {
    const now = clock();
    for (const notifier of notifiers) {
      const known = await store.incident(key, notifier.channel);
      if (known === null || known.resolvedAt !== null) continue;
      const message: NotifierMessage = {
        title: `Resolved: ${known.text.split('\n')[0] ?? key}`,
        detail: `Lasted ${minutes(now - known.openedAt)}.`,
        state: 'resolved',
      };
      await edited(notifier, known.messageRef, message, by);
      await store.saveIncident({ ...known, updatedAt: now, resolvedAt: now });
    }
  }

  return { send, digest };
}

/** False: somebody deleted the message. */
async function edited(
  notifier: Notifier,
  ref: string,
  message: NotifierMessage,
  by: Delivery,
): Promise<boolean> {
  try {
    await notifier.edit(ref, message, by);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'notifier.gone') return false;
    throw error;
  }
}

/** A project may be taken out of orch.yaml for a while: what it is to be told waits for it. */
function need<T>(destination: T | null, project: string): T {
  if (destination !== null) return destination;
  throw new AppError(`project ${project} is not in the configuration`, {
    code: 'project.unreachable',
    hint: 'add it to orch.yaml',
    facts: { done: 'no' },
  });
}

function minutes(ms: number): string {
  return ms < 60_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
