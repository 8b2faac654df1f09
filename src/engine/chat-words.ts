import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { briefHeadline, briefSections } from '../core/brief.ts';
import { stuckFix } from '../core/explain.ts';
import { explainWords, plainReason, reasonWords, viewOf } from '../core/explain-words.ts';
import { clockTime } from '../core/incident-text.ts';
import { type Job, jobName, type Run, runName, type Task } from '../core/model.ts';
import { redact } from '../lib/redact.ts';
import type { HistoryFilter, Store } from '../store/store.ts';
import type { BranchChanges } from './branch-changes.ts';
import type { createBrief } from './brief.ts';
import type { createWhy } from './why.ts';

const LOG_LINES = 15;
const LOG_BYTES = 64 * 1024;
const MAX_LINE = 300;
const MAX_QUEUE = 10;
const MAX_PATCH_BYTES = 200 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface Said {
  readonly title: string;
  readonly detail: string;
  readonly code?: string;
}

export interface WordsParts {
  readonly store: Store;
  readonly why: ReturnType<typeof createWhy>;
  readonly brief: ReturnType<typeof createBrief>;
  readonly changes: BranchChanges;
  readonly clock: () => number;
  /** Values that are never shown. */
  readonly secrets: () => readonly string[];
  /** Job or task of a name; throws `not_found`. */
  readonly targetOf: (name: string) => Promise<{ kind: 'task'; key: string } | { kind: 'job'; id: number }>;
}

/** What the chat answers to those who only look: the same values as every other surface, as plain words. */
export function createChatWords({ store, why, brief, changes, clock, secrets, targetOf }: WordsParts) {
  const time = (at: number) =>
    Math.abs(clock() - at) < DAY_MS
      ? clockTime(at)
      : `${new Date(at).toISOString().slice(0, 10)} ${clockTime(at)}`;

  async function workNamed(name: string): Promise<{ task: Task | null; job: Job | null }> {
    const target = await targetOf(name);
    if (target.kind === 'job') {
      const job = await store.job(target.id);
      return { job, task: job?.taskId == null ? null : await store.taskById(job.taskId) };
    }
    const task = await store.task(target.key);
    const jobs = task === null ? [] : (await store.jobs({ taskId: task.id, limit: 1000 })).items;
    return { task, job: jobs.at(-1) ?? null };
  }

  const absent = (name: string): Said => ({ title: `There is no ${name.slice(0, 60)}`, detail: '' });

  async function whyOf(name: string | null): Promise<Said> {
    if (name !== null) {
      const { task, job } = await workNamed(name);
      if (job === null) return absent(name);
      const reason = await why.reason(job);
      const title = `${task?.key ?? jobName(job.id)}: ${task?.status === 'needs_you' ? 'needs you' : job.status}`;
      if (reason !== null) {
        // The task's own words name the commit, or the tests to tick.
        const detail = task?.reason?.code === reason.code ? task.reason.detail : reason.detail;
        return { title, detail: plainReason(reasonWords(viewOf({ ...reason, detail }, 0, time))) };
      }
      if (task?.reason != null) return { title, detail: `${task.reason.detail}\nfix  ${stuckFix(task)}` };
      return { title, detail: job.error ?? '' };
    }
    const { explanation, counts } = await why.explain({ project: null } satisfies HistoryFilter);
    const words = explainWords(explanation, counts.lastRunEndedAt, time);
    return { title: words.headline, detail: [words.after, ...words.reasons.map(plainReason)].join('\n\n') };
  }

  return {
    why: whyOf,
    /** Of an account: the reasons that are its own. */
    async whyAccount(id: string): Promise<Said> {
      const { explanation } = await why.explain({ project: null });
      const own = explanation.reasons.filter(
        ({ reason }) => reason.scope.kind === 'account' && reason.scope.id === id,
      );
      if (own.length === 0) return whyOf(null);
      const words = own.map(({ reason, jobs }) =>
        plainReason(reasonWords(viewOf(reason, jobs.length, time))),
      );
      return { title: explanation.headline, detail: words.join('\n\n') };
    },
    async status(): Promise<Said> {
      const { explanation, counts } = await why.explain({ project: null });
      const running = await store.running();
      const lines = await Promise.all(
        running.slice(0, MAX_QUEUE).map(async ({ run, job }) => {
          const task = job.taskId === null ? null : await store.taskById(job.taskId);
          return `● ${runName(run.id)} ${task?.key ?? jobName(job.id)} ${job.stage ?? job.agent ?? ''} on ${run.account ?? '–'} since ${time(run.startedAt)}`;
        }),
      );
      const tasks = Object.entries(counts.tasks).map(([word, n]) => `${n} ${word.replace('_', ' ')}`);
      return { title: explanation.headline, detail: [...lines, `tasks: ${tasks.join(', ')}`].join('\n') };
    },
    async queue(): Promise<Said> {
      const { items, next } = await store.jobs({ status: ['queued'], limit: MAX_QUEUE });
      const lines = await Promise.all(
        items.map(async (job) => {
          const task = job.taskId === null ? null : await store.taskById(job.taskId);
          const reason = await why.reason(job);
          return `${task?.key ?? jobName(job.id)} ${job.stage ?? job.agent ?? ''}: ${reason?.title ?? ''}`;
        }),
      );
      const counts = await store.counts();
      return {
        title: `${counts.jobs.queued} queued`,
        detail: [...lines, ...(next === null ? [] : ['…'])].join('\n'),
      };
    },
    async task(name: string): Promise<Said> {
      const { task, job } = await workNamed(name);
      if (task === null) return job === null ? absent(name) : whyOf(name);
      const cost = `$${(task.costMicroUsd / 1e6).toFixed(2)}${task.unknownCosts > 0 ? ' and what is not known' : ''}`;
      const lines = [
        `${task.status.replace('_', ' ')} at ${task.stage}, ${cost}`,
        `branch ${task.branch}${task.head === null ? '' : ` at ${task.head.slice(0, 7)}`}`,
        ...(task.pr === null
          ? []
          : [
              `pull request ${task.pr.number} ${task.pr.state}${task.pr.url === null ? '' : ` ${task.pr.url}`}`,
            ]),
        ...(task.reason === null ? [] : [task.reason.detail]),
      ];
      return { title: `${task.key} ${task.title}`, detail: lines.join('\n') };
    },
    async log(name: string): Promise<Said> {
      const { task, job } = await workNamed(name);
      if (job === null) return absent(name);
      const filter = task === null ? { jobId: job.id } : { taskId: task.id };
      const { items } = await store.runs({ ...filter, limit: 1000 });
      const run = items.findLast((each) => each.agent !== null) ?? items.at(-1);
      if (run === undefined) return { title: `${name} has not run`, detail: '' };
      const lines = await lastLines(run, secrets());
      const title = `${runName(run.id)}, last ${Math.min(LOG_LINES, lines.length)} lines`;
      return { title, detail: '', code: lines.join('\n') };
    },
    async diff(name: string): Promise<Said> {
      const { task } = await workNamed(name);
      if (task === null) return absent(name);
      const [stat, patch] = await Promise.all([changes.stat(task), changes.patch(task, MAX_PATCH_BYTES)]);
      if (stat === null || patch === null) return { title: `${task.key} has no change to show`, detail: '' };
      const title = `${task.key}: ${stat.files} files +${stat.added} −${stat.deleted}`;
      return { title, detail: patch.cut ? 'Only the beginning.' : '', code: patch.text };
    },
    async brief(who: string, sinceMs: number | null): Promise<Said> {
      const found = await brief.brief(who, {
        since: sinceMs === null ? null : clock() - sinceMs,
        peek: false,
      });
      const sections = briefSections(found, time).map(({ title, lines }) =>
        [title, ...lines.map((line) => `• ${line}`)].join('\n'),
      );
      return { title: briefHeadline(found, time), detail: sections.join('\n\n') };
    },
  };
}

/** The end of a run's log, masked. */
async function lastLines(run: Run, secrets: readonly string[]): Promise<string[]> {
  for (const path of [`${run.directory}/run.log`, `${run.directory}/command/run.log`]) {
    const file = await open(path).catch(() => null);
    if (file === null) continue;
    try {
      const { size } = await file.stat();
      const length = Math.min(LOG_BYTES, size);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
      const text = redact(buffer.toString('utf8', 0, bytesRead), { secrets, homes: [homedir()] });
      return text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .slice(-LOG_LINES)
        .map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line));
    } finally {
      await file.close();
    }
  }
  return [];
}
