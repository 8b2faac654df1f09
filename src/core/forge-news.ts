import { approve } from './approvals.ts';
import { failureLines } from './checks.ts';
import { type CommandContext, type CommandState, resolvedRow, rulesOf, stageOf } from './command.ts';
import type { Effects } from './effects.ts';
import { AppError } from './errors.ts';
import { counted } from './forge-words.ts';
import { type Finding, type ForgeMemory, type Job, jobName, type Task } from './model.ts';
import { type Stage, sendBackTarget, waitsForPerson } from './pipeline.ts';
import { jobForStage, type ProjectRules, sendBack, toTick } from './task.ts';

/** What a forge shows of an open pull request, as far as the rules ask. */
export interface PullSeen {
  /** Tip of its branch there; null when the branch is gone. */
  readonly head: string | null;
  /** The review that counts of each person, own accounts left out, dismissed ones too. */
  readonly reviews: readonly ReviewSeen[];
  /** What others than Orch say of `head`: the newest word per name. */
  readonly checks: readonly CheckSeen[];
  /** Null while the forge is still finding out. */
  readonly conflict: boolean | null;
}

export interface ReviewSeen {
  readonly id: string;
  readonly by: { readonly name: string; readonly mayWrite: boolean };
  readonly state: 'approved' | 'changes_requested' | 'commented';
  /** The commit it speaks of. */
  readonly commit: string;
  /** Markdown. */
  readonly body: string;
  readonly comments: readonly {
    readonly file: string;
    readonly line: number | null;
    readonly body: string;
  }[];
}

export interface CheckSeen {
  /** Context of a status, or name of a workflow and job. */
  readonly name: string;
  readonly state: 'pending' | 'success' | 'failure';
  /** The base's rules ask for it; null when the forge does not tell. */
  readonly required: boolean | null;
  readonly url: string | null;
  /** Of a failure: what the forge shows of it, the end of its log where it can be had; else its one line. */
  readonly detail: string;
}

/** One thing that a look at the forge brought; the first of these that applies is heard first. */
export type ForgeNews =
  | { readonly kind: 'review'; readonly review: ReviewSeen }
  /** What people asked for while an agent worked, and no agent was told. */
  | { readonly kind: 'inbox' }
  | { readonly kind: 'conflict'; readonly head: string }
  | { readonly kind: 'red'; readonly head: string; readonly checks: readonly CheckSeen[] }
  | { readonly kind: 'approved'; readonly review: ReviewSeen }
  /** What a merge waited for has come to its end. */
  | { readonly kind: 'settled' };

const MAX_HEARD = 200;
const MAX_INBOX = 50;
const MAX_DETAIL = 4000;
/** A merge that the forge promised is asked for again after so long. */
const PROMISED_MS = 10 * 60_000;

/** Checks that decide over a merge: those that the base asks for where the forge tells, else all. */
export function deciding(checks: readonly CheckSeen[]): {
  readonly red: readonly CheckSeen[];
  readonly pending: readonly CheckSeen[];
} {
  const isTold = checks.some(({ required }) => required !== null);
  const asked = isTold ? checks.filter(({ required }) => required === true) : checks;
  const of = (state: CheckSeen['state']) => asked.filter((check) => check.state === state);
  return { red: of('failure'), pending: of('pending') };
}

/** Why a merge of this head has to wait; null when nothing runs any more. */
export function pendingLine(head: string, checks: readonly CheckSeen[]): string | null {
  const { pending } = deciding(checks);
  if (pending.length === 0) return null;
  return `${counted(pending.length, 'check')} still ${pending.length === 1 ? 'runs' : 'run'} on ${head.slice(0, 7)}`;
}

/**
 * What the agent is told of checks that failed. The line that failed is part of the title: a check that fails
 * for another reason than in the last round is another finding.
 */
export function redFindings(checks: readonly CheckSeen[]): Finding[] {
  return checks.map(({ name, url, detail }) => ({
    ...{ severity: 'high', file: null, line: null },
    title: [`CI: ${name} failed`, ...failureLines(detail)].slice(0, 2).join(': '),
    detail: [url ?? '', detail.slice(-MAX_DETAIL)].filter((part) => part !== '').join('\n'),
  }));
}

export function conflictFinding(base: string, files: readonly string[]): Finding {
  const named = files.length === 0 ? '' : `: ${files.slice(0, 10).join(', ')}`;
  return {
    ...{ severity: 'high', file: null, line: null },
    title: `conflict with ${base}${named}`,
    detail: `The branch and ${base} contradict each other. Orch merges ${base} in as far as it goes.`,
  };
}

/** The first thing of a look that this task has not heard; null when there is nothing new, or not now. */
export function newsOf(
  { task, job }: { readonly task: Task; readonly job: Job },
  pull: PullSeen,
  rules: ProjectRules,
  now: number,
): ForgeNews | null {
  const isNew = (mark: string) => !task.forge.heard.includes(mark);
  const stage = rules.pipeline.find((each) => each.stage === job.stage) ?? null;
  const review = pull.reviews.find((each) => isAsking(each) && isNew(reviewMark(each)));
  if (review !== undefined) return { kind: 'review', review };
  if (stage === null || !isWaiting(job, stage)) return null;
  const mayGoBack = sendBackTarget(rules.pipeline, stage.stage) !== null;
  if (mayGoBack && task.forge.inbox.some(isPersons)) return { kind: 'inbox' };
  const head = pull.head;
  if (head !== null && head === task.head) {
    const { red } = deciding(pull.checks);
    if (mayGoBack && pull.conflict === true && isNew(`conflict:${head}`)) return { kind: 'conflict', head };
    if (mayGoBack && red.length > 0 && isNew(redMark(head, red))) return { kind: 'red', head, checks: red };
    const yes = pull.reviews.find((each) => isYes(each, task, stage, head));
    if (yes !== undefined && job.hold === 'approval.pending' && isNew(yesMark(yes, head, stage)))
      return { kind: 'approved', review: yes };
  }
  return job.hold === 'checks.pending' && isOver(job, pull, now) ? { kind: 'settled' } : null;
}

/** What follows from a piece of news. Throws when the task has gone on since. */
export function hear(state: CommandState, pull: PullSeen, c: CommandContext): Effects {
  const { task, job } = state;
  const news = task === null ? null : newsOf({ task, job }, pull, rulesOf(c, task), c.now);
  if (task === null || news === null)
    throw new AppError('nothing new', { code: 'forge.nothing_new', hint: 'look again later' });
  switch (news.kind) {
    case 'review':
      return heardReview(task, job, news.review, c);
    case 'inbox':
      return back(task, job, task.forge.inbox, null, c);
    case 'conflict':
      return back(task, job, [conflictFinding('the base', [])], `conflict:${news.head}`, c, {
        conflict: { files: [] },
      });
    case 'red':
      return back(task, job, redFindings(news.checks), redMark(news.head, news.checks), c, {
        facts: { head: news.head, touched: null, changedSince: null },
      });
    case 'approved': {
      const stage = stageOf(c, job);
      const effects = approve(state, news.review.commit, { ...c, by: news.review.by.name });
      const mark = stage === null ? '' : yesMark(news.review, news.review.commit, stage);
      return {
        ...effects,
        task: { ...effects.task, forge: marked(effects.task?.forge ?? task.forge, mark) },
      };
    }
    case 'settled':
      return { job: { hold: null, context: { ...job.context, awaits: null } } };
  }
}

/** Who merged it, and where the task stood, does not matter: its deploy goes on from there. Null while an agent runs. */
export function mergedElsewhere({ task, job }: CommandState, c: CommandContext): Effects {
  if (task === null || job.status === 'running' || task.status === 'done' || task.status === 'cancelled')
    throw new AppError(`${task?.key ?? jobName(job.id)} cannot go on now`, { code: 'forge.nothing_new' });
  const project = rulesOf(c, task);
  const stage = project.pipeline.find((each) => each.stage === job.stage) ?? null;
  const active = { status: 'active', reason: null } as const;
  const told = [resolvedRow(job, `approval:${task.key}:${job.stage}`), resolvedRow(job, jobName(job.id))];
  if (stage?.kind === 'deploy' && job.status === 'queued')
    return { job: { hold: null }, task: active, outbox: told };
  const at = project.pipeline.findIndex((each) => each.stage === job.stage);
  const deploy = project.pipeline.slice(Math.max(at, 0)).find(({ kind }) => kind === 'deploy');
  if (deploy === undefined)
    throw new AppError(`the pipeline of ${task.key} has no deploy`, { code: 'forge.nothing_new' });
  const next = jobForStage(task, deploy, project, { maxAttempts: c.maxAttempts, rework: true, context: {} });
  return {
    ...(job.status === 'queued' ? { job: { status: 'done', hold: null, finishedAt: c.now } as const } : {}),
    task: { ...active, stage: deploy.stage },
    newJobs: [{ ...next, hold: null }],
    outbox: told,
  };
}

/** Findings of a person wait no longer than the next agent; what an agent can begin with now it is given now. */
function heardReview(task: Task, job: Job, review: ReviewSeen, c: CommandContext): Effects {
  const findings = reviewFindings(review);
  const mark = reviewMark(review);
  const stage = stageOf(c, job);
  const isRequest = review.state === 'changes_requested';
  if (
    isRequest &&
    stage !== null &&
    isWaiting(job, stage) &&
    sendBackTarget(rulesOf(c, task).pipeline, stage.stage) !== null
  )
    return back(task, job, [...task.forge.inbox, ...findings], mark, c);
  const forge = marked(task.forge, mark);
  const isFresh = job.status === 'queued' && job.agent !== null && job.hold === null && !job.context.resume;
  if (isFresh)
    return {
      job: { context: { ...job.context, findings: [...job.context.findings, ...findings] } },
      task: { forge },
    };
  return { task: { forge: { ...forge, inbox: [...forge.inbox, ...findings].slice(-MAX_INBOX) } } };
}

/** To the stage that can act on it. What people ask for is always heard; the rest converges as any round. */
function back(
  task: Task,
  job: Job,
  findings: readonly Finding[],
  mark: string | null,
  c: CommandContext,
  more: Omit<Parameters<typeof sendBack>[4], 'head' | 'maxAttempts'> = {},
): Effects {
  const isPersonal = findings.some(isPersons);
  const heard = mark === null ? task.forge : marked(task.forge, mark);
  const step = sendBack(
    { ...task, ...(isPersonal ? { rounds: {} } : {}), forge: { ...heard, inbox: [] } },
    job,
    rulesOf(c, task),
    findings,
    { head: task.head, maxAttempts: c.maxAttempts, ...more },
  );
  const forge = { ...heard, inbox: findings === task.forge.inbox || isPersonal ? [] : heard.inbox };
  return {
    job: { status: 'done', hold: null, finishedAt: c.now, error: null },
    task: { ...step.task, ...(isPersonal ? { rounds: task.rounds } : {}), forge },
    newJobs: step.newJobs,
    outbox: [resolvedRow(job, `approval:${task.key}:${job.stage}`), ...step.outbox],
  };
}

function isWaiting(job: Job, stage: Stage): boolean {
  return (
    job.status === 'queued' &&
    (job.hold === 'approval.pending' || job.hold === 'checks.pending') &&
    (stage.kind === 'human' || stage.kind === 'deploy')
  );
}

/** Words count only of those who may write; a bare "commented" says nothing. */
function isAsking({ by, state, body, comments }: ReviewSeen): boolean {
  if (!by.mayWrite || state === 'approved') return false;
  return state === 'changes_requested' || body.trim() !== '' || comments.length > 0;
}

/** Exactly this head, by somebody who may decide here. */
function isYes({ by, state, commit }: ReviewSeen, task: Task, stage: Stage, head: string): boolean {
  if (state !== 'approved' || !by.mayWrite || commit !== head || !waitsForPerson(stage)) return false;
  if (toTick(task, stage).length > 0) return false;
  return stage.reviewers.length === 0 || stage.reviewers.includes(by.name);
}

function isOver(job: Job, pull: PullSeen, now: number): boolean {
  if (job.context.awaits?.merges === true) return now - (job.holdSince ?? 0) >= PROMISED_MS;
  return deciding(pull.checks).pending.length === 0;
}

function reviewFindings({ by, state, body, comments }: ReviewSeen): Finding[] {
  const severity = state === 'changes_requested' ? 'person' : 'note';
  const own = body.trim();
  const whole: Finding[] =
    own === '' && comments.length > 0
      ? []
      : [
          {
            ...{ severity, file: null, line: null },
            title: own.split('\n')[0]?.slice(0, 300) || 'changes are requested',
            detail: `By ${by.name}.${own.includes('\n') ? `\n${own.slice(0, MAX_DETAIL)}` : ''}`,
          },
        ];
  return [
    ...whole,
    ...comments.map((comment) => ({
      ...{ severity, file: comment.file, line: comment.line },
      title: comment.body.split('\n')[0]?.slice(0, 300) ?? '',
      detail: `By ${by.name}.${comment.body.includes('\n') ? `\n${comment.body.slice(0, MAX_DETAIL)}` : ''}`,
    })),
  ].slice(0, MAX_INBOX);
}

function isPersons({ severity }: Finding): boolean {
  return severity === 'person';
}

function marked(forge: ForgeMemory, mark: string): ForgeMemory {
  return { ...forge, heard: [...forge.heard.filter((each) => each !== mark), mark].slice(-MAX_HEARD) };
}

function reviewMark({ id }: ReviewSeen): string {
  return `review:${id}`;
}

function yesMark({ id }: ReviewSeen, head: string, stage: Stage): string {
  return `approved:${id}:${head}:${stage.stage}`;
}

function redMark(head: string, checks: readonly CheckSeen[]): string {
  const names = checks.map(({ name }) => name).sort();
  return `red:${head}:${names.join(',').slice(0, 300)}`;
}
