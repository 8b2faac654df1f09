import type { RoundFacts } from '../../core/convergence.ts';
import { type Judgement, notRun } from '../../core/failure.ts';
import { conflictFinding } from '../../core/forge-news.ts';
import type { Finding, ForgeWait, JobContext, Task } from '../../core/model.ts';
import type { StageResult } from '../stage.ts';

/** What a deploy can come to. */

const NO_END = { exitCode: null, signal: null, stoppedBy: null, vanished: false } as const;

export function ended(judgement: Judgement): StageResult {
  return { judgement, end: NO_END, outcome: null, head: null, pr: null, finalCode: null, ran: false };
}

export function stopped(): StageResult {
  return ended(notRun('cancelled', 'stopped', 'orch.stopped'));
}

export function transient(why: string): StageResult {
  return ended(notRun('transient', why, 'deploy.retry'));
}

/** A person has to say yes (again) before it goes on; nothing is spent. */
export function asks(detail: string, head: string): StageResult {
  return {
    ...ended(notRun('success', detail, 'deploy.asks')),
    outcome: { kind: 'ask', code: 'approval.pending', detail },
    head,
  };
}

/** The forge has to get on first; nothing is spent and no slot held. `carried`: the approval holds for this head. */
export function waits(awaits: ForgeWait, head: string, carried = false): StageResult {
  return {
    ...ended(notRun('success', awaits.detail, 'deploy.waits')),
    outcome: { kind: 'wait', awaits },
    head,
    carriedTo: carried ? head : null,
  };
}

export function sentBack(
  head: string,
  findings: readonly Finding[],
  more: {
    readonly facts?: RoundFacts;
    readonly conflict?: { readonly files: readonly string[] };
  } = {},
): StageResult {
  return {
    ...ended(notRun('success', findings[0]?.title ?? 'sent back', 'deploy.red')),
    outcome: { kind: 'send_back', findings, ...more },
    head,
  };
}

/** The base and the branch contradict each other: an agent resolves it, in a round that is counted. */
export function conflictRound(base: string, files: readonly string[], head: string): StageResult {
  return sentBack(head, [conflictFinding(base, files)], { conflict: { files } });
}

export function peopleConflict(branch: string, files: readonly string[]): StageResult {
  const detail = `conflict with the commits by people on ${branch}: ${files.slice(0, 10).join(', ')}`;
  return { ...ended(notRun('permanent', detail, 'deploy.conflict')), finalCode: 'forge.conflict' };
}

/** A rule of the forge: where the yes was carried to this head, the forge may want one of its own. */
export function refused(
  detail: string,
  head: string,
  { approvedHead, carriedFrom }: Pick<JobContext, 'approvedHead' | 'carriedFrom'>,
): StageResult {
  const isCarried = carriedFrom !== null || (approvedHead !== null && approvedHead !== head);
  if (isCarried) return asks(`the forge refuses ${short(head)}: ${detail}`, head);
  return { ...ended(notRun('permanent', detail, 'deploy.refused')), finalCode: 'forge.refused' };
}

export function branchMoved(task: Task, remote: string): StageResult {
  const detail = `the remote ${task.branch} was moved away from Orch's commits, to ${short(remote)}: nothing is pushed over it`;
  return { ...ended(notRun('permanent', detail, 'deploy.branch_moved')), finalCode: 'branch.moved' };
}

export function short(commit: string): string {
  return commit.slice(0, 7);
}
