import type { Effects, NewOutboxRow } from './effects.ts';
import type { Finding, ForgeMemory, Job, StageWord, Task } from './model.ts';
import { jobName } from './model.ts';
import type { ProjectRules } from './task.ts';

/** What forges take for the description of a status. */
const MAX_LINE = 140;
const MAX_REVIEW_FINDINGS = 50;

/**
 * The same effects with what the forge is told of them: one commit status per stage that begins, waits or ends.
 * A stage that was done for an older head is told again for a new one; what lies behind the stage that made it
 * is not done any more. Each word is written once. Nothing for a repository without a forge.
 */
export function withStatuses(
  effects: Effects,
  { task, job }: { readonly task: Task | null; readonly job: Job },
  rules: ProjectRules | null,
): Effects {
  if (task === null || rules?.tellsForge !== true) return effects;
  const order = rules.pipeline.map(({ stage }) => stage);
  const memory = effects.task?.forge ?? task.forge;
  const after = toldAfter(memory, effects, { task, job }, order);
  const head = effects.task?.head ?? task.head;
  // Not the task's head: it may have moved while nobody knew of a forge.
  const isNew = head !== memory.toldAt;
  const said = Object.entries(after.told).filter(([, word]) => isNew || word.n > memory.words);
  if (said.length === 0 && after.told === memory.told) return effects;
  return {
    ...effects,
    task: { ...effects.task, forge: { ...memory, ...after, toldAt: head } },
    outbox: [
      ...(effects.outbox ?? []),
      ...(head === null ? [] : said.map(([stage, word]) => statusRow(task, head, stage, word))),
    ],
  };
}

type Word = Pick<StageWord, 'state' | 'line'>;

/** The words on all stages, with numbers for the new ones; the same word as before is none. */
function toldAfter(
  memory: ForgeMemory,
  effects: Effects,
  { task, job }: { readonly task: Task; readonly job: Job },
  order: readonly string[],
): Pick<ForgeMemory, 'told' | 'words'> {
  const { told } = memory;
  const at = order.indexOf(job.stage ?? '');
  const own = wordOn(effects, { task, job }, order);
  const begun = (effects.newJobs ?? []).flatMap(({ stage, hold }): [string, Word][] =>
    stage === null ? [] : [[stage, { state: 'pending', line: waitOf(hold, null) }]],
  );
  if (own === null && begun.length === 0) return { told, words: memory.words };
  const kept = Object.entries(told).filter(
    ([stage]) => stage === job.stage || (order.includes(stage) && order.indexOf(stage) < at),
  );
  let { words } = memory;
  const next = new Map(kept);
  const say = (stage: string, word: Word) => {
    const last = told[stage];
    const isSame = last?.state === word.state && last.line === word.line;
    next.set(stage, isSame ? last : { ...word, n: ++words });
  };
  if (own !== null && job.stage !== null) say(job.stage, own);
  for (const [stage, word] of begun) say(stage, word);
  return { told: Object.fromEntries(next), words };
}

/** What is to be said of the job's own stage; null when nothing of it has changed. */
function wordOn(
  effects: Effects,
  { task, job }: { readonly task: Task; readonly job: Job },
  order: readonly string[],
): Word | null {
  const status = effects.job?.status ?? job.status;
  const [next] = effects.newJobs ?? [];
  const reason = effects.task?.reason ?? null;
  const isStopped = reason?.code.startsWith('rounds.') === true;
  const isBack = next !== undefined && order.indexOf(next.stage ?? '') <= order.indexOf(job.stage ?? '');
  if (next !== undefined && !isBack) return { state: 'success', line: 'done' };
  if (status === 'cancelled') return effects.job === undefined ? null : { state: 'error', line: 'cancelled' };
  if (isBack || isStopped) {
    const findings = next?.context.findings ?? [];
    const line =
      findings.length === 0
        ? 'changes are requested'
        : `${counted(findings.length, 'finding')}: ${findings[0]?.title ?? ''}`;
    return { state: 'failure', line: lineOf(line) };
  }
  if (effects.job === undefined) return null;
  switch (status) {
    case 'done':
      return { state: 'success', line: 'done' };
    case 'failed':
      return {
        state: 'failure',
        line: lineOf(`failed: ${reason?.code ?? task.reason?.code ?? 'job.failed'}`),
      };
    case 'queued': {
      const hold = effects.job.hold === undefined ? job.hold : effects.job.hold;
      const awaits = (effects.job.context ?? job.context).awaits;
      return { state: 'pending', line: waitOf(hold, awaits?.detail ?? null) };
    }
    case 'running':
      return null;
  }
}

function waitOf(hold: string | null, detail: string | null): string {
  if (hold === 'checks.pending') return lineOf(`waits: ${detail ?? 'checks still run'}`);
  return hold === null ? 'queued' : (WAITS[hold] ?? 'waits');
}

const WAITS: Readonly<Record<string, string>> = {
  'approval.pending': 'waits for approval',
  'question.pending': 'asks a question',
  'budget.reached': 'has reached its budget',
};

/** One line that a forge takes. */
export function lineOf(text: string): string {
  const line = text.split('\n')[0]?.trim() ?? '';
  return line.length <= MAX_LINE ? line : `${line.slice(0, MAX_LINE - 1)}…`;
}

export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function statusRow(task: Task, head: string, stage: string, { state, line, n }: StageWord): NewOutboxRow {
  return {
    destination: `forge:${task.project}`,
    key: `stage:${task.key}:${head}:${stage}:${state}:${n}`,
    // Of their own: a forge that does not know the commit yet keeps no comment waiting. In order per context.
    orderKey: `stage:${task.project}:${task.key}:${stage}`,
    availableAt: null,
    message: { kind: 'forge.status', project: task.project, head, stage, state, description: line },
  };
}

/** What Orch's reviewer found, for the pull request; of one head by one job once. */
export function reviewRow(
  task: Task,
  job: Job,
  head: string,
  review: {
    readonly event: 'approve' | 'request_changes';
    readonly summary: string;
    readonly findings: readonly Finding[];
  },
): NewOutboxRow {
  const { event, summary, findings } = review;
  const verdict =
    event === 'approve' ? 'approves' : `requests changes: ${counted(findings.length, 'finding')}`;
  return {
    destination: `forge:${task.project}`,
    key: `review:${task.key}:${jobName(job.id)}:${head}`,
    orderKey: `review:${task.project}:${task.key}`,
    availableAt: null,
    message: {
      kind: 'forge.review',
      project: task.project,
      taskId: task.id,
      head,
      event,
      body: `**${job.stage}** ${verdict} (${head.slice(0, 7)})${summary === '' ? '' : `\n\n${summary}`}`,
      findings: findings.slice(0, MAX_REVIEW_FINDINGS),
    },
  };
}
