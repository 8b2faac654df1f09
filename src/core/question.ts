import { commentRow, incident } from './announce.ts';
import type { NewOutboxRow } from './effects.ts';
import type { StageOutcome } from './evidence.ts';
import type { Verdict } from './failure.ts';
import { type ForgeWait, type Job, jobName, type Task } from './model.ts';
import type { SettleInput, SettleState } from './settle.ts';
import { reviewerOf } from './task.ts';

/** What only a person can answer; the job waits for it and spends nothing. */
export interface Question {
  readonly code: string;
  readonly detail: string;
  /** Nobody is asked: the forge is waited for. */
  readonly awaits?: ForgeWait;
}

/** What a person is asked before the job can go on; null when nothing. */
export function questionOf(
  { job, task }: SettleState,
  input: SettleInput,
  verdict: Verdict,
  isLimitAgain: boolean,
): Question | null {
  if (task === null) return null;
  if (isLimitAgain)
    return {
      code: 'question.pending',
      detail: `the agent came to its limit for the second time (${input.judgement.reason}); an answer lets it go on`,
    };
  const { outcome, project } = input;
  if (verdict !== 'success' || outcome === null) return null;
  if (outcome.kind === 'wait')
    return { code: 'checks.pending', detail: outcome.awaits.detail, awaits: outcome.awaits };
  if (outcome.kind === 'ask') return { code: outcome.code, detail: outcome.detail };
  if (
    project === null ||
    !needsConfirmation(outcome, input.head ?? task.head) ||
    reviewerOf(project, job.stage) !== null
  )
    return null;
  return {
    code: 'question.pending',
    detail: `no change is needed, says the agent: ${outcome.kind === 'advance' ? outcome.noChange : ''}\nClose the item (orch cancel), or say what is to be changed (orch answer KEY "...")`,
  };
}

/** One incident per question, which its work item shows too, and one per approval that is asked for. */
export function asked(job: Job, task: Task, { code, detail }: Question, hears: boolean): NewOutboxRow[] {
  if (code === 'approval.pending')
    return [
      incident(job, `approval:${task.key}:${job.stage}`, `Approve ${job.stage}? ${task.key}`, detail, true, {
        commit: task.head,
      }),
    ];
  return [
    incident(job, `question:${task.key}`, `${task.key} asks`, detail, true),
    commentRow(
      task,
      `question:${task.key}:${jobName(job.id)}:${job.fence}`,
      `${job.stage} asks: ${detail}${hears ? howToAnswer(task.key) : ''}`,
    ),
  ];
}

function howToAnswer(key: string): string {
  return `\n\nThe next comment here answers it, by anybody who may write (or \`orch answer ${key} "..."\`).`;
}

/** A question that was asked on an item, or the answer to one. */
export interface Said {
  readonly kind: 'question' | 'answer';
  readonly at: number;
  readonly text: string;
}

/** What was asked or answered, of the comment that told the item so; without the word on how to answer. */
export function saidIn(taskKey: string, comment: { key: string; body: string; at: number }): Said {
  const hint = howToAnswer(taskKey);
  const { key, body, at } = comment;
  const kind = key.startsWith('answer:') ? 'answer' : 'question';
  return { kind, at, text: body.endsWith(hint) ? body.slice(0, -hint.length) : body };
}

/** A claim that nothing is to do, on a branch that holds nothing. */
export function needsConfirmation(outcome: StageOutcome, head: string | null): boolean {
  return outcome.kind === 'advance' && outcome.noChange !== null && head === null;
}
