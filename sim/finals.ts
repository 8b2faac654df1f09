/** What must be true when the world has been kind for long enough: everything ended, nothing missing, all sums right. */
import { costIsUnknown, dayOf } from '../src/core/budget.ts';
import type { RunChange } from '../src/core/effects.ts';
import type { ForgeMemory, PullRequest } from '../src/core/model.ts';
import { OUTSIDER_SAYS } from './board.ts';
import type { Eye, RunRow, TaskRow } from './eye.ts';
import type { Outside, Seen, SeenComment } from './outside.ts';
import type { Repositories } from './repositories.ts';
import type { Runs } from './runs.ts';
import type { Setup } from './setup.ts';
import type { Trace } from './trace.ts';

export function judgeEnd(parts: {
  eye: Eye;
  trace: Trace;
  outside: Outside;
  runs: Runs;
  setup: Setup;
  approvals: ReadonlyMap<string, ReadonlySet<string>>;
  unruled: ReadonlySet<number>;
  repositories: Repositories;
}): void {
  const { eye, trace, outside, setup } = parts;
  for (const run of eye.liveRuns()) trace.broken('run.left', `run_${run.id} is still running in the end`);
  for (const process of parts.runs.live())
    trace.broken('run.left', `the agent of run_${process.run.id} is alive, and nobody knows it`);
  for (const row of eye.outbox())
    trace.broken('effects.missing', `${row.key} for ${row.destination} is ${row.status}: ${row.error}`);
  const tasks = eye.tasks();
  for (const { board } of outside.seen.values())
    for (const { key } of board?.items ?? []) {
      const own = tasks.filter((task) => task.key === key);
      if (own.length > 1) trace.broken('item.once', `${key} was taken on ${own.length} times`);
      if (own.length > 0 && key.endsWith('-noise'))
        trace.broken('item.unwanted', `${key} was taken on, and never had the label`);
    }
  for (const task of tasks) {
    const seen = outside.seen.get(task.project);
    const project = setup.projects.find(({ key }) => key === task.project);
    if (seen === undefined || project === undefined) continue;
    judgeStatus(task, seen, trace);
    judgeItem(task, seen.board, parts);
    judgePullRequest(task, seen, trace);
    const approval = project.stages.find(({ kind }) => kind === 'deploy')?.approval;
    judgeMerge(
      task,
      seen,
      approval === 'required' ? (parts.approvals.get(task.key) ?? new Set()) : null,
      parts,
    );
    judgeWords(task, seen, trace);
    if (project.usageComments === 'tracker')
      judgeComments(task, seen.comments.get(task.work_item_id) ?? [], true, parts);
    if (project.usageComments === 'pr') judgePullRequestComments(task, seen, parts);
  }
  judgeSpending(eye, trace);
}

/** The item's report tells how its task ended, and nobody who may not write had a word in it. */
function judgeItem(
  task: TaskRow,
  board: Seen['board'],
  { eye, trace }: { readonly eye: Eye; readonly trace: Trace },
): void {
  const item = board?.find(task.work_item_id);
  if (board === null || item === undefined) return;
  const wanted = task.status === 'done' ? 'is done' : 'was cancelled';
  if (item.reports.at(-1)?.includes(wanted) !== true)
    trace.broken(
      'effects.report',
      `${task.key} is ${task.status}, and its report says: ${item.reports.at(-1)}`,
    );
  const words = [task.thread, ...eye.jobsOf(task.id).map(({ context }) => context)];
  if (words.some((text) => text.includes(OUTSIDER_SAYS)))
    trace.broken('comment.outsider', `${task.key} hears somebody who may not write`);
}

/** The last that a tracker heard of an item is what became of it; of one that is not wanted there it needs no word. */
function judgeStatus(task: TaskRow, seen: Seen, trace: Trace): void {
  const last = seen.statuses.get(task.work_item_id)?.at(-1) ?? 'nothing';
  if (seen.board !== null && task.status === 'cancelled') return;
  if (last !== task.status && !(task.status === 'cancelled' && last === 'cancelled'))
    trace.broken('effects.status', `${task.key} is ${task.status}, and its tracker was last told ${last}`);
}

function judgePullRequest(task: TaskRow, seen: Seen, trace: Trace): void {
  const own = seen.pullRequests.filter(({ branch }) => branch === task.branch);
  const stillOpen = own.filter(({ state }) => state === 'draft' || state === 'open');
  if (own.length > 1 + own.filter(({ state }) => state === 'closed').length)
    trace.broken('effects.pr', `${task.key} has ${own.length} pull requests`);
  const byHand = seen.merges.some(({ branch, by }) => branch === task.branch && by === 'person');
  if (task.status === 'done' && task.head !== null && own.length === 0 && !byHand)
    trace.broken('effects.pr', `${task.key} is done, and no pull request was opened for it`);
  const pr = task.pr === null ? null : (JSON.parse(task.pr) as PullRequest);
  if (pr !== null && !own.some(({ number }) => number === pr.number))
    trace.broken('effects.pr', `${task.key} thinks of pull request ${pr.number}, which is not of its branch`);
  const real = own.find(({ number }) => number === pr?.number);
  if (task.status === 'done' && pr !== null && real?.state === 'merged' && pr.state !== 'merged')
    trace.broken('effects.pr', `${task.key} thinks its pull request is ${pr.state}, and it is merged`);
  if (task.status === 'done' && stillOpen.length > 0)
    trace.broken('effects.pr', `${task.key} is done, and its pull request is still open`);
}

/** `approved`: heads a person approved; null where nobody has to. */
function judgeMerge(
  task: TaskRow,
  seen: Seen,
  approved: ReadonlySet<string> | null,
  { trace, repositories }: { trace: Trace; repositories: Repositories },
): void {
  const merges = seen.merges.filter(({ branch }) => branch === task.branch);
  const ours = merges.filter(({ by }) => by === 'orch');
  const heads = new Set(merges.map(({ head }) => head));
  if (heads.size < merges.length) trace.broken('effects.merge', `a head of ${task.key} was merged twice`);
  if (task.status === 'done' && task.head !== null && merges.length === 0)
    trace.broken('effects.merge', `${task.key} is done, and nothing of it was merged`);
  for (const { head } of ours)
    if (approved !== null && !repositories.sameAs(task.project, head).some((each) => approved.has(each)))
      trace.broken('effects.merge', `${task.key} was merged at ${head.slice(0, 7)}, which nobody approved`);
}

/** The forge's last word on each stage at the task's head is the one that Orch remembers. */
function judgeWords(task: TaskRow, seen: Seen, trace: Trace): void {
  if (task.head === null || task.forge === null) return;
  const { told } = JSON.parse(task.forge) as ForgeMemory;
  for (const [stage, word] of Object.entries(told)) {
    const last = seen.commitStatuses.findLast(
      ({ status }) => status.head === task.head && status.context === `orch/${stage}`,
    );
    if (last?.status.state !== word.state || last.status.description !== word.line)
      trace.broken(
        'effects.status',
        `${task.key}: ${stage} is ${word.state}, and its forge was last told ${last?.status.state ?? 'nothing'}`,
      );
  }
}

/** All that a task has spent is told on its pull request; what it had spent when it ended without one, nowhere. */
function judgePullRequestComments(
  task: TaskRow,
  seen: Seen,
  parts: Parameters<typeof judgeComments>[3],
): void {
  const own = seen.pullRequests.filter(({ branch }) => branch === task.branch);
  const comments = own.flatMap((pr) => pr.comments);
  // Who ended before there was a pull request has nobody to read what it cost, whatever came later.
  const wasOver =
    (seen.statuses.get(task.work_item_id) ?? []).filter((status) => status === 'done').length > 1;
  const isComplete = own.length > 0 && !wasOver && parts.eye.cancelsOf(task.key).length === 0;
  judgeComments(task, comments, isComplete, parts);
  for (const pr of own) {
    const told = pr.comments.flatMap(({ body }) => /\(run_(\d+),/.exec(body)?.[1] ?? []).map(Number);
    if (told.some((run, i) => run <= (told[i - 1] ?? 0)))
      parts.trace.broken(
        'effects.order',
        `${task.key}: its pull request was told of runs in the order ${told}`,
      );
  }
}

/** One usage comment for each run of an agent that moved its task; at most one where some may be left out. */
function judgeComments(
  task: TaskRow,
  comments: readonly SeenComment[],
  isComplete: boolean,
  { eye, runs, trace, unruled }: { eye: Eye; runs: Runs; trace: Trace; unruled: ReadonlySet<number> },
): void {
  const done = new Set(
    eye
      .jobsOf(task.id)
      .filter(({ status }) => status === 'done')
      .map(({ id }) => id),
  );
  for (const run of eye.runs()) {
    if (run.task_id !== task.id || run.agent === null || run.verdict !== 'success' || !done.has(run.job_id))
      continue;
    if (!runs.all.has(run.id) || unruled.has(run.id)) continue;
    const count = comments.filter(({ body }) => body.includes(`(run_${run.id},`)).length;
    const asked = ['question', 'declined', 'blocked'].includes(runs.all.get(run.id)?.script.name ?? '');
    const owed = asked ? 0 : 1;
    if (count > owed || (isComplete && count < owed))
      trace.broken('effects.comment', `${task.key} has ${count} usage comments of run_${run.id}`);
  }
}

/** What each day spent is what its runs spent. */
function judgeSpending(eye: Eye, trace: Trace): void {
  const sums = new Map<string, { microUsd: number; tokens: number; unknown: number }>();
  const jobs = new Map(eye.jobs().map((job) => [job.id, job]));
  for (const run of eye.runs()) {
    const job = jobs.get(run.job_id);
    if (run.finished_at === null || job === undefined || job.agent === null) continue;
    const key = `${dayOf(run.finished_at)}:${job.project}`;
    const sum = sums.get(key) ?? { microUsd: 0, tokens: 0, unknown: 0 };
    sum.microUsd += run.cost_micro_usd ?? 0;
    sum.tokens += run.input_tokens + run.output_tokens + run.cache_read_tokens + run.cache_write_tokens;
    sum.unknown += isUnknown(run) ? 1 : 0;
    sums.set(key, sum);
  }
  for (const row of eye.spending()) {
    const key = `${row.day}:${row.project}`;
    const sum = sums.get(key) ?? { microUsd: 0, tokens: 0, unknown: 0 };
    sums.delete(key);
    const same =
      row.micro_usd === sum.microUsd && row.tokens === sum.tokens && row.unknown_costs === sum.unknown;
    if (!same)
      trace.broken(
        'spending',
        `${row.project} on day ${row.day}: ${row.micro_usd}/${row.tokens}/${row.unknown_costs} is written, its runs come to ${sum.microUsd}/${sum.tokens}/${sum.unknown}`,
      );
  }
  for (const key of sums.keys()) trace.broken('spending', `nothing is written for ${key}`);
}

function isUnknown(run: RunRow): boolean {
  return costIsUnknown({
    verdict: run.verdict,
    sessionId: run.session_id,
    usage: {
      inputTokens: run.input_tokens,
      outputTokens: run.output_tokens,
      cacheReadTokens: run.cache_read_tokens,
      cacheWriteTokens: run.cache_write_tokens,
      turns: 0,
      costUsd: run.cost_micro_usd,
    },
  } as RunChange);
}
