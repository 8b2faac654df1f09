import type { Delivery } from '../core/delivery.ts';
import { AppError } from '../core/errors.ts';
import { lineOf } from '../core/forge-words.ts';
import type { PullRequest, Task } from '../core/model.ts';
import { reportRow } from '../core/task.ts';
import { taskReport } from '../core/task-report.ts';
import { pullRequestBody } from '../core/trace-markdown.ts';
import { type Forge, OWN_CONTEXT } from '../forges/forge.ts';
import { redact } from '../lib/redact.ts';
import type { OutboxRow, Store } from '../store/store.ts';
import type { Tracker } from '../trackers/tracker.ts';
import type { Desk } from './desk.ts';

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
}

/**
 * Brings one outbox row to its receiver; throws what the receiver throws. Safe to repeat as its port says:
 * what was done already is found by the delivery's key, or done again without a difference.
 */
export function createSender(parts: {
  readonly store: Store;
  readonly destinations: () => Destinations;
  readonly desk: Pick<Desk, 'note' | 'show'>;
}) {
  const { store } = parts;

  /** An instant: the row is to wait until then, and nothing was done. */
  async function send(row: OutboxRow, by: Delivery): Promise<number | void> {
    const { message } = row;
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
        const tracker = need(to.tracker(message.project), message.project);
        // Orch's own board shows the task itself.
        if (text === null || tracker.feed === null) return;
        return tracker.report(message.workItemId, text, by);
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
      case 'notify.resolved':
      case 'notify.digest':
        return parts.desk.note(row, message);
      case 'notify.show':
        return (await parts.desk.show(row.destination, message.incident, by)) ?? undefined;
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

  /** Opened now if the row that should have was given up: what comes behind it does not get lost with it. */
  async function pullRequestOf(
    task: Task,
    forge: Forge,
    base: string,
    by: Delivery,
  ): Promise<PullRequest | null> {
    if (task.pr !== null || task.head === null) return task.pr;
    const { branch, head } = task;
    const request = { branch, base, head, title: `${task.key}: ${task.title}`, body: pullRequestBody(task) };
    const pr = await forge.open(request, by);
    // Somebody merged the branch by hand: there is nothing to review, and nobody to read a comment.
    if (pr === null) return null;
    await store.setPullRequest(task.id, pr);
    if (parts.destinations().tracker(task.project)?.feed != null)
      await store.tell([reportRow(task, `pr:${pr.number}`)]);
    return pr;
  }

  return send;
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
