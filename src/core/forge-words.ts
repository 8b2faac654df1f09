import type { Effects, NewOutboxRow } from './effects.ts';
import type { Finding, ForgeMemory, Job, StageWord, Task } from './model.ts';
import { jobName } from './model.ts';
import type { ProjectRules } from './task.ts';

/** What forges take for the description of a status. */
export const MAX_LINE = 140;
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
  const told = toldAfter(memory, effects, { task, job }, order);
  const head = effects.task?.head ?? task.head;
  const isNew = head !== task.head;
  if (told === memory.told && !isNew) return effects;
  const said = Object.entries(told).filter(
    ([stage, word]) => isNew || !isSameWord(task.forge.told[stage], word),
  );
  return {
    ...effects,
    task: { ...effects.task, forge: { ...memory, told } },
    outbox: [
      ...(effects.outbox ?? []),
      ...(head === null ? [] : said.map(([stage, word]) => statusRow(task, head, stage, word))),
    ],
  };
}

function toldAfter(
  { told }: ForgeMemory,
  effects: Effects,
  { task, job }: { readonly task: Task; readonly job: Job },
  order: readonly string[],
): ForgeMemory['told'] {
  const at = order.indexOf(job.stage ?? '');
  const own = wordOn(effects, { task, job }, order);
  const begun = (effects.newJobs ?? []).flatMap(({ stage, hold }): [string, StageWord][] =>
    stage === null
      ? []
      : [[stage, { state: 'pending', line: waitOf(hold, null), by: `after ${jobName(job.id)}` }]],
  );
  if (own === null && begun.length === 0) return told;
  const kept = Object.entries(told).filter(([stage]) => {
    const place = order.indexOf(stage);
    return place >= 0 && place < at;
  });
  const mine = own ?? told[job.stage ?? ''] ?? null;
  return Object.fromEntries([
    ...kept,
    ...(mine === null || job.stage === null ? [] : [[job.stage, mine]]),
    ...begun,
  ]);
}

/** What is to be said of the job's own stage; null when nothing of it has changed. */
function wordOn(
  effects: Effects,
  { task, job }: { readonly task: Task; readonly job: Job },
  order: readonly string[],
): StageWord | null {
  const by = jobName(job.id);
  const status = effects.job?.status ?? job.status;
  const [next] = effects.newJobs ?? [];
  const reason = effects.task?.reason ?? null;
  const isStopped = reason?.code.startsWith('rounds.') === true;
  const isBack = next !== undefined && order.indexOf(next.stage ?? '') <= order.indexOf(job.stage ?? '');
  if (next !== undefined && !isBack) return { state: 'success', line: 'done', by };
  if (status === 'cancelled')
    return effects.job === undefined ? null : { state: 'error', line: 'cancelled', by };
  if (isBack || isStopped) {
    const findings = next?.context.findings ?? [];
    const line =
      findings.length === 0
        ? 'changes are requested'
        : `${counted(findings.length, 'finding')}: ${findings[0]?.title ?? ''}`;
    return { state: 'failure', line: lineOf(line), by };
  }
  if (effects.job === undefined) return null;
  switch (status) {
    case 'done':
      return { state: 'success', line: 'done', by };
    case 'failed':
      return {
        state: 'failure',
        line: lineOf(`failed: ${reason?.code ?? task.reason?.code ?? 'job.failed'}`),
        by,
      };
    case 'queued': {
      const hold = effects.job.hold === undefined ? job.hold : effects.job.hold;
      const awaits = (effects.job.context ?? job.context).awaits;
      return {
        state: 'pending',
        line: waitOf(hold, awaits?.detail ?? null),
        by: `${by} ${hold ?? ''}`.trim(),
      };
    }
    case 'running':
      return null;
  }
}

function waitOf(hold: string | null, detail: string | null): string {
  switch (hold) {
    case 'approval.pending':
      return 'waits for approval';
    case 'question.pending':
      return 'asks a question';
    case 'budget.reached':
      return 'has reached its budget';
    case 'checks.pending':
      return lineOf(`waits: ${detail ?? 'checks still run'}`);
    default:
      return 'queued';
  }
}

/** One line that a forge takes. */
export function lineOf(text: string): string {
  const line = text.split('\n')[0]?.trim() ?? '';
  return line.length <= MAX_LINE ? line : `${line.slice(0, MAX_LINE - 1)}…`;
}

export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function isSameWord(one: StageWord | undefined, other: StageWord): boolean {
  return one !== undefined && one.state === other.state && one.by === other.by && one.line === other.line;
}

function statusRow(task: Task, head: string, stage: string, { state, line, by }: StageWord): NewOutboxRow {
  return {
    destination: `forge:${task.project}`,
    key: `stage:${task.key}:${head}:${stage}:${state}:${by.replaceAll(' ', '_')}`,
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
