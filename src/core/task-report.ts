import { DEPENDENCY } from './feed.ts';
import type { Job, Run, Task } from './model.ts';
import { jobName, runName } from './model.ts';

/** What the living report of a task is made of. */
export interface ReportFacts {
  readonly task: Task;
  /** Stages of its pipeline, in order; empty when it is not configured any more. */
  readonly stages: readonly string[];
  /** Jobs and runs of the task, oldest first. */
  readonly jobs: readonly Job[];
  readonly runs: readonly Run[];
}

const MAX_DETAIL = 1000;

/** The one comment of a work item that says how its task stands, in Markdown. Words of others are only text in it. */
export function taskReport({ task, stages, jobs, runs }: ReportFacts): string {
  const { pr } = task;
  const known = [...new Set([...stages, ...jobs.flatMap(({ stage }) => stage ?? [])])];
  const rows = known.map((stage) => {
    const own = jobs.filter((job) => job.stage === stage);
    const ofStage = runs.filter((run) => own.some(({ id }) => id === run.jobId));
    return `| ${plain(stage)} | ${stateOf(task, own.at(-1) ?? null, ofStage)} | ${costOf(ofStage)} |`;
  });
  const link =
    pr === null
      ? ''
      : `, pull request ${pr.url === null ? `#${pr.number}` : `[#${pr.number}](${pr.url})`} (${pr.state})`;
  return [
    `**${headline(task, jobs.at(-1) ?? null)}**`,
    ...waitsFor(task, jobs.at(-1) ?? null),
    '',
    '| stage | state | cost |',
    '| --- | --- | --- |',
    ...rows,
    '',
    `Branch \`${task.branch.replaceAll('`', '')}\`${link}. Cost so far: ${totalOf(task)}.`,
  ].join('\n');
}

function headline(task: Task, job: Job | null): string {
  switch (task.status) {
    case 'active':
      return job?.status === 'running'
        ? `Orch works on ${plain(task.key)}: ${plain(task.stage)}`
        : job?.hold === DEPENDENCY
          ? `${plain(task.key)} waits`
          : `${plain(task.key)} is in the queue for ${plain(task.stage)}`;
    case 'needs_you':
      return `${plain(task.key)} needs a person`;
    case 'done':
      return `${plain(task.key)} is done`;
    case 'cancelled':
      return `${plain(task.key)} was cancelled; its branch is kept`;
  }
}

function waitsFor(task: Task, job: Job | null): string[] {
  if (task.status === 'active' && job?.hold === DEPENDENCY && job.status === 'queued')
    return ['', `It depends on ${plain(job.context.dependsOn.join(', '))}, and starts when that is done.`];
  if (task.status !== 'needs_you') return [];
  return ['', `> ${plain((task.reason?.detail ?? '').slice(0, MAX_DETAIL))}`, '', howToAnswer(task)];
}

function howToAnswer({ key, reason }: Task): string {
  const code = reason?.code ?? '';
  if (code === 'question.pending')
    return `The next comment here answers it, or \`orch answer ${key} "..."\`.`;
  if (code === 'approval.pending')
    return `Comment \`/orch approve\` or \`/orch reject REASON\`, or \`orch approve ${key}\`.`;
  if (code.startsWith('rounds.'))
    return `Comment \`/orch approve\` to go on in spite of it, or \`/orch cancel\`; \`orch retry ${key} --from-stage STAGE\` goes back.`;
  return `Comment \`/orch retry\` (or \`/orch retry NOTE\`), or \`/orch cancel\`.`;
}

function stateOf(task: Task, job: Job | null, runs: readonly Run[]): string {
  if (job === null) return '–';
  const isHere = task.stage === job.stage;
  if (isHere && task.status === 'needs_you' && job.status !== 'done') return 'needs a person';
  switch (job.status) {
    case 'queued':
      return job.hold === DEPENDENCY ? 'waits' : runs.length > 0 ? 'queued again' : 'queued';
    case 'running':
      return `running (${runName(runs.at(-1)?.id ?? 0)})`;
    case 'done':
      return runs.length > 1 ? `done (${runs.length} runs)` : 'done';
    case 'failed':
      return `failed (${jobName(job.id)})`;
    case 'cancelled':
      return 'cancelled';
  }
}

/** Unknown cost is said to be unknown, never $0. */
function costOf(runs: readonly Run[]): string {
  const ended = runs.filter(({ status, agent }) => status === 'ended' && agent !== null);
  if (ended.length === 0) return '–';
  const sum = ended.reduce((total, { usage }) => total + (usage.costUsd ?? 0), 0);
  const unknown = ended.filter(({ usage }) => usage.costUsd === null).length;
  if (unknown === ended.length) return 'unknown';
  return `$${sum.toFixed(2)}${unknown === 0 ? '' : ` and ${unknown} unknown`}`;
}

function totalOf({ costMicroUsd, unknownCosts }: Task): string {
  if (costMicroUsd === 0 && unknownCosts > 0) return 'unknown';
  const known = `$${(costMicroUsd / 1e6).toFixed(2)}`;
  return unknownCosts === 0 ? known : `${known}, and ${unknownCosts} runs of unknown cost`;
}

/** Words of others as they are, on one line: no markup, nobody called by name. */
export function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_{}[\]()#+!|<>~$]/g, '\\$&')
    .replaceAll('@', '@\u200b');
}
