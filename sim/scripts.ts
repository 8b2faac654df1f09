/**
 * What an agent run will come to: every end that is on record for the CLIs, drawn by the seed. `proof` is what
 * only the world knows: whether the stage's work was really done.
 */
import type { HandIn } from '../src/core/evidence.ts';
import { type Judgement, notRun, type ProcessEnd, type Verdict } from '../src/core/failure.ts';
import type { Job, Run } from '../src/core/model.ts';
import { runName } from '../src/core/model.ts';
import type { Random } from './random.ts';
import type { Meeting } from './vendor.ts';

export interface Script {
  /** Name of the end, for the story. */
  readonly name: string;
  readonly durationMs: number;
  readonly judgement: Judgement;
  readonly end: ProcessEnd;
  /** Null = none was written. */
  readonly handIn: HandIn | null;
  readonly documents: Readonly<Record<string, number>>;
  readonly changes: readonly string[];
  readonly proof: boolean;
}

const MINUTE = 60_000;
const ENDED: ProcessEnd = { exitCode: 0, signal: null, stoppedBy: null, vanished: false };

const NAMES = [
  [52, 'good'],
  [5, 'no hand-in'],
  [2, 'hand-in of another run'],
  [4, 'nothing changed'],
  [3, 'documentation only'],
  [5, 'permanent'],
  [2, 'unknown shape'],
  [6, 'transient'],
  [3, 'transient with a delay'],
  [1, 'refused once'],
  [1, 'limit without a time'],
  [3, 'timeout'],
  [3, 'stalled'],
  [3, 'lost'],
  [2, 'killed from outside'],
  [2, 'own limit'],
  [4, 'question'],
  [2, 'declined'],
  [1, 'blocked'],
  [2, 'no change needed'],
  [8, 'request changes'],
] as const;
type Name = (typeof NAMES)[number][1];

export function drawScript(parts: {
  random: Random;
  job: Job;
  run: Run;
  meeting: Meeting;
  /** Agents of a kind world do their work. */
  kind: boolean;
  wall: number;
  sessionId: string;
  /** Adds to what the session has cost; returns the sum. */
  addCost: (usd: number) => number;
}): Script {
  const { random, job, run, meeting, wall, sessionId } = parts;
  const usage = {
    inputTokens: random.between(100, 50_000),
    outputTokens: random.between(10, 5000),
    cacheReadTokens: random.chance(0.5) ? random.between(0, 100_000) : 0,
    cacheWriteTokens: 0,
    turns: random.between(1, 40),
    costUsd: random.chance(0.1) ? null : random.between(1, 400) / 100,
  };
  const answered = { realAnswer: true, usage, sessionId, sessionCostUsd: null as number | null };
  const silent = { sessionId };
  const base = {
    durationMs: random.weighted([
      [5, random.between(5_000, 2 * MINUTE)],
      [6, random.between(2 * MINUTE, 25 * MINUTE)],
      [1, random.between(25 * MINUTE, 110 * MINUTE)],
    ]),
    end: ENDED,
    handIn: null,
    documents: {},
    changes: [],
    proof: false,
  };
  const ends = (
    name: string,
    verdict: Verdict,
    fields: Partial<Judgement>,
    more: Partial<Script> = {},
  ): Script => ({
    ...base,
    name,
    judgement: { ...notRun(verdict, `${name} in attempt ${job.attempts}`, `scripted.${verdict}`), ...fields },
    ...more,
  });
  const soon = { durationMs: random.between(2000, 20_000), end: { ...ENDED, exitCode: 1 } };

  if (meeting.kind === 'refused') return ends('refused', 'auth', silent, soon);
  if (meeting.kind === 'limited')
    return ends(
      `at the ${meeting.limit.window} limit`,
      'usage_limit',
      { ...silent, resetAt: meeting.limit.stated },
      soon,
    );
  if (meeting.kind === 'overloaded' && random.chance(0.8))
    return ends('overloaded', 'transient', { ...silent, retryAfterMs: meeting.retryAfterMs }, soon);

  const name: Name = parts.kind ? 'good' : random.weighted(NAMES);
  const cost = () =>
    usage.costUsd === null || random.chance(0.5)
      ? answered
      : { ...answered, sessionCostUsd: parts.addCost(usage.costUsd) };
  const works = { ...cost(), resultOk: true };
  const some = { changes: [`src/${job.stage ?? 'job'}-${run.id}.ts`] };
  const cutOff = random.chance(0.5) ? { changes: some.changes } : {};

  switch (name) {
    case 'permanent':
      return ends(name, 'permanent', cost(), { ...cutOff, end: { ...ENDED, exitCode: 1 } });
    case 'unknown shape':
      return ends(name, 'permanent', { ...silent, unknownShape: `shape-${random.between(1, 3)}` });
    case 'transient':
      return ends(name, 'transient', random.chance(0.5) ? cost() : silent, { ...soon, ...cutOff });
    case 'transient with a delay':
      return ends(
        name,
        'transient',
        { ...silent, retryAfterMs: random.pick([1000, 30_000, 10 * MINUTE, 3 * 60 * MINUTE]) },
        soon,
      );
    case 'refused once':
      return ends(name, 'auth', silent, soon);
    case 'limit without a time':
      return ends(
        name,
        'usage_limit',
        { ...silent, resetAt: random.chance(0.5) ? null : wall - random.between(0, 60 * MINUTE) },
        soon,
      );
    case 'timeout':
      return ends(name, 'timeout', cost(), {
        ...cutOff,
        end: { exitCode: null, signal: 'SIGTERM', stoppedBy: 'timeout', vanished: false },
      });
    case 'stalled':
      return ends(name, 'stalled', cost(), {
        ...cutOff,
        end: { exitCode: null, signal: 'SIGTERM', stoppedBy: 'stall', vanished: false },
      });
    case 'lost':
      return ends(name, 'lost', silent, {
        ...cutOff,
        end: { exitCode: null, signal: null, stoppedBy: null, vanished: true },
      });
    case 'killed from outside':
      return ends(name, 'lost', silent, {
        ...cutOff,
        end: { exitCode: null, signal: 'SIGKILL', stoppedBy: null, vanished: false },
      });
    case 'own limit':
      return ends(name, 'permanent', { ...cost(), ownLimit: true }, cutOff);
    case 'no hand-in':
      return ends(name, 'success', works, some);
    case 'hand-in of another run':
      return ends(name, 'success', works, { ...some, handIn: handIn('run_0', 'done') });
    case 'nothing changed':
      return ends(name, 'success', works, { handIn: handIn(runName(run.id), 'done') });
    case 'documentation only':
      return ends(name, 'success', works, {
        handIn: handIn(runName(run.id), 'done'),
        changes: ['README.md'],
      });
    case 'question':
      return ends(name, 'success', works, {
        handIn: {
          ...handIn(runName(run.id), 'question'),
          question: { text: `Which of them, in run ${run.id}?`, options: [] },
        },
      });
    case 'declined':
      return ends(name, 'success', works, {
        handIn: { ...handIn(runName(run.id), 'declined'), declined: { why: 'too_big', detail: 'too big' } },
      });
    case 'blocked':
      return ends(name, 'success', works, { handIn: handIn(runName(run.id), 'blocked') });
    case 'no change needed':
      if (job.agent === 'developer')
        return ends(name, 'success', works, {
          handIn: handIn(runName(run.id), 'no_change_needed'),
          proof: true,
        });
      break;
    case 'request changes':
      if (job.agent === 'reviewer' || job.agent === 'tester')
        return ends(name, 'success', works, {
          handIn: {
            ...handIn(runName(run.id), 'request_changes'),
            findings: findings(random, run.id),
          },
          proof: true,
        });
      break;
    case 'good':
      break;
  }
  return ends('good', 'success', works, goodWork(job, run));
}

function handIn(run: string, outcome: HandIn['outcome']): HandIn {
  const none = { findings: [], acs: [], question: null, declined: null };
  return { schema: 'orch.verdict/1', run, outcome, summary: `${outcome} by ${run}`, ...none };
}

function findings(random: Random, run: number): HandIn['findings'] {
  const repeats = random.chance(0.2);
  return [
    {
      ...{ severity: 'high', file: null, line: null, detail: '' },
      title: repeats ? 'the same thing once more' : `thing${run} breaks other${run} badly${run}`,
    },
  ];
}

/** What each role hands in when it does its work. */
function goodWork(job: Job, run: Run): Partial<Script> {
  const id = runName(run.id);
  const criteria = [{ id: 'AC-1', met: true, by: 'a test' }];
  switch (job.agent) {
    case 'analyst':
      return {
        ...{
          handIn: { ...handIn(id, 'done'), acs: criteria },
          documents: { 'analysis.md': 100 },
          proof: true,
        },
      };
    case 'architect':
      return { handIn: handIn(id, 'done'), documents: { 'architecture.md': 100 }, proof: true };
    case 'reviewer':
      return { handIn: handIn(id, 'approve'), proof: true };
    case 'tester':
      return {
        ...{ handIn: { ...handIn(id, 'done'), acs: criteria }, changes: [`test/${id}.test.ts`], proof: true },
      };
    default:
      return { handIn: handIn(id, 'done'), changes: [`src/${id}.ts`], proof: true };
  }
}
