import type { ProcessEnd, Verdict } from '../core/failure.ts';
import { unreachable } from '../lib/assert.ts';

/** The part of a judgement that says what a run came to, and why. */
export interface Decision {
  readonly verdict: Verdict;
  readonly reason: string;
  /** Stable name of the rule that decided; the adapter's prefix comes first. */
  readonly rule: string;
  readonly resetAt: number | null;
  readonly retryAfterMs: number | null;
  /** See `Judgement.unknownShape`. */
  readonly unknownShape: string | null;
}

/** Exit codes above this are a shell's way of naming a signal. */
const SIGNAL_EXIT_BASE = 128;
const LAST_SIGNAL = 31;

/** What happened to the process from outside of it, which nothing it printed can outweigh; null when it ended by itself. */
export function endedByForce(end: ProcessEnd, prefix: string): Decision | null {
  switch (end.stoppedBy) {
    case 'cancel':
      return plain('cancelled', `${prefix}.end.cancelled`, 'cancelled');
    case 'timeout':
      return plain('timeout', `${prefix}.end.timeout`, 'stopped at the time limit');
    case 'stall':
      return plain('stalled', `${prefix}.end.stalled`, 'stopped after too long without output');
    case 'outside':
      return plain(
        'lost',
        `${prefix}.end.outside`,
        `killed from outside${end.signal === null ? '' : ` by ${end.signal}`}`,
      );
    case null:
      break;
    default:
      unreachable(end.stoppedBy);
  }
  if (end.vanished)
    return plain('lost', `${prefix}.end.vanished`, 'the process vanished without an exit record');
  if (end.signal !== null)
    return plain('lost', `${prefix}.end.signal`, `killed by ${end.signal}, which was not ours`);
  return null;
}

/** Exit codes with which shells, and CLIs that catch a signal, name it: 143 for SIGTERM. */
export function endedBySignalCode({ exitCode }: ProcessEnd, prefix: string): Decision | null {
  const signal = (exitCode ?? 0) - SIGNAL_EXIT_BASE;
  if (signal < 1 || signal > LAST_SIGNAL) return null;
  return plain(
    'lost',
    `${prefix}.end.signal_code`,
    `exit code ${exitCode}: killed by signal ${signal}, which was not ours`,
  );
}

/** A decision without a time to come back at. */
export function plain(verdict: Verdict, rule: string, reason: string): Decision {
  return { verdict, rule, reason, resetAt: null, retryAfterMs: null, unknownShape: null };
}
