/** What an attempt comes to when the trouble is on our side of it: whose fault it is, and what is kept of the run. */
import { AppError, messageOf } from '../core/errors.ts';
import { notRun } from '../core/failure.ts';
import type { StageResult } from '../stages/stage.ts';
import type { Claimed } from '../store/store.ts';
import type { Machine } from './machine.ts';

/** Trouble on our side of the attempt (no agent ran, or its end could not be dealt with). */
export function failed(error: unknown, claimed: Claimed): StageResult {
  const code = error instanceof AppError ? error.code : 'orch.internal';
  const hint = error instanceof AppError && error.hint !== undefined ? ` (${error.hint})` : '';
  const verdict = TRANSIENT_CODES.has(code) || isOfStore(error) ? 'transient' : 'permanent';
  return {
    judgement: notRun(verdict, `${messageOf(error)}${hint}`, code),
    end: { exitCode: null, signal: null, stoppedBy: null, vanished: false },
    outcome: null,
    head: null,
    pr: null,
    finalCode: MENDED_BY_PEOPLE.has(code) ? code : null,
    ran: claimed.run.pid !== null,
  };
}

/** The run came to something that a rule of ours breaks on: what it cost is kept, nothing else of it. */
export function unsettled(error: unknown, claimed: Claimed, { judgement }: StageResult): StageResult {
  const instead = failed(error, claimed);
  const { usage, sessionCostUsd, sessionId } = judgement;
  return { ...instead, judgement: { ...instead.judgement, usage, sessionCostUsd, sessionId } };
}

/** Codes of troubles on which no further attempt helps. */
const MENDED_BY_PEOPLE = new Set(['workspace.setup_failed', 'workspace.no_slot']);

const UNCONFIGURED = new Set([
  'project.unknown',
  'account.unknown',
  'stage.unknown',
  'stage.unknown_kind',
  'pipeline.invalid',
]);

export function isUnconfigured(error: unknown): error is AppError {
  return error instanceof AppError && UNCONFIGURED.has(error.code);
}

/** A run whose project, stage or account is no longer configured is ended; its job waits in the queue for them. */
export async function letGo(error: AppError, claimed: Claimed, machine: Machine): Promise<StageResult> {
  const found = await machine.adopt(claimed.run.directory);
  if (found.kind === 'live') await found.run.stop('cancel');
  return {
    ...failed(error, claimed),
    judgement: notRun('cancelled', error.message, error.code),
    finalCode: null,
    ran: false,
  };
}

/** Codes of troubles outside that pass by themselves. */
const TRANSIENT_CODES = new Set([
  'workspace.fetch_failed',
  'workspace.unreachable',
  'workspace.push_failed',
  'forge.unreachable',
  'forge.retry',
  'tracker.unreachable',
]);

/** A database that is in use, full or out of order: whatever it is, no job is at fault. */
export function isOfStore(error: unknown): boolean {
  return error instanceof AppError && error.code.startsWith('store.');
}
