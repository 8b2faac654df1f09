/**
 * Every reason that anything of Orch gives for standing still, by the name that page, CLI, chat and API share. Each
 * has a fixture in `test/support/reasons.ts`, by which all of them are proved to say the same.
 */
export const REASON_CODES = [
  // Gates, in the order in which the dispatcher looks at them.
  'scheduler.stale',
  'dispatch.paused',
  'host.disk',
  'host.memory',
  'worker.none',
  'worker.no_match',
  'dependency.open',
  'approval.pending',
  'question.pending',
  'checks.pending',
  'window.closed',
  'budget.reached',
  'cap.review',
  'tracker.unreachable',
  'forge.unreachable',
  'gate.failed',
  'account.signed_out',
  'account.limit',
  'account.probing',
  'account.reserved',
  'agent.unproven_version',
  'breaker.open',
  'breaker.probing',
  'retry.backoff',
  'lock.worktree',
  'project.slowed',
  'cap.project',
  'cap.stage',
  'cap.repo',
  'cap.account',
  'worker.full',
  'queue.position',
  // Of a task that waits for a person, with no job of it queued.
  'job.failed',
  'job.cancelled',
  'agent.denied',
  'rounds.spent',
  'rounds.stuck',
  'workspace.setup_failed',
  'workspace.no_slot',
  'forge.conflict',
  'forge.refused',
  'branch.moved',
  'deploy.command_failed',
  // Of an empty line, of what waits outside of it, and of what will hold it before long.
  'nothing.queued',
  'intake.pending',
  'intake.failed',
  'account.expiring',
] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

const KNOWN: ReadonlySet<string> = new Set(REASON_CODES);

/** A code that was kept as text; what is none of ours (any more) is a failure whose detail says the rest. */
export function reasonCodeOf(text: string | undefined): ReasonCode {
  return text !== undefined && KNOWN.has(text) ? (text as ReasonCode) : 'job.failed';
}
