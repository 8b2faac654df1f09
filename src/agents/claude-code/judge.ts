import type { Judgement, PlanWindow } from '../../core/failure.ts';
import type { Usage } from '../../core/usage.ts';
import type { FinishedRun } from '../agent.ts';
import { amountAt, objectAt, textAt } from '../fields.ts';
import type { JsonObject } from '../json-documents.ts';
import { readTail } from '../log-lines.ts';
import type { Decision } from '../process-end.ts';
import { decide } from './decide.ts';
import { denialsOf } from './denials.ts';
import { windowsOf } from './event-fields.ts';
import { isGoodResult } from './good-result.ts';
import { type LogFacts, readLog } from './read-log.ts';
import { tokensOf, usageOf } from './spending.ts';

const STDERR_BYTES = 4096;
const MAX_ANSWER_CHARS = 4096;
const OWN_LIMITS: ReadonlySet<string> = new Set(['claude.limit.turns', 'claude.limit.budget']);

/** Reads a finished run's logs and judges it. Constant memory; a bad log is a verdict, never an exception. */
export async function judge(run: FinishedRun): Promise<Judgement> {
  const log = await readLog(run.stdoutPath);
  const stderr = run.stderrPath === null ? null : await readTail(run.stderrPath, STDERR_BYTES);
  const decision = decide(run, log, stderr?.toString('utf8') ?? '');
  return log === null ? withoutLog(decision) : describe(decision, log);
}

function describe(decision: Decision, log: LogFacts): Judgement {
  const { result } = log;
  const costUsd = costOf(result);
  const usage = usageOfRun(log, costUsd);
  return {
    ...decision,
    resultOk: result !== null && isGoodResult(result, log),
    usage,
    sessionCostUsd: costUsd,
    sessionId: log.sessionId,
    realAnswer: log.spending.realAnswer || (amountAt(objectAt(result, 'usage'), 'output_tokens') ?? 0) > 0,
    ownLimit: OWN_LIMITS.has(decision.rule),
    denials: denialsOf(result),
    answer: answerOf(log).slice(0, MAX_ANSWER_CHARS),
    structured: result?.['structured_output'] ?? null,
    windows: newestWindows(log.rateLimits),
    cliVersion: textAt(log.init, 'claude_code_version') || null,
  };
}

function withoutLog(decision: Decision): Judgement {
  return {
    ...decision,
    resultOk: false,
    usage: {
      inputTokens: 0,
      outputTokens: 0,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      turns: 0,
      costUsd: null,
    },
    sessionCostUsd: null,
    sessionId: null,
    realAnswer: false,
    ownLimit: false,
    denials: [],
    answer: '',
    structured: null,
    windows: [],
    cliVersion: null,
  };
}

/** The result's own usage. Where it has none, or an aborted turn left it at zero: the sum of the messages. */
function usageOfRun(log: LogFacts, costUsd: number | null): Usage {
  const said = objectAt(log.result, 'usage');
  const stated = said === null ? null : usageOf(said);
  const usage =
    stated !== null && (tokensOf(stated) > 0 || tokensOf(log.spending.usage) === 0)
      ? stated
      : log.spending.usage;
  return {
    ...usage,
    turns: Math.round(amountAt(log.result, 'num_turns') ?? log.spending.usage.turns),
    costUsd,
  };
}

function costOf(result: JsonObject | null): number | null {
  return amountAt(result, 'total_cost_usd') ?? amountAt(result, 'cost_usd');
}

function answerOf(log: LogFacts): string {
  const isAnswer = log.result !== null && isGoodResult(log.result, log);
  return isAnswer ? textAt(log.result, 'result') || log.closingWords : log.closingWords;
}

function newestWindows(newestFirst: readonly JsonObject[]): PlanWindow[] {
  const byName = new Map<string, PlanWindow>();
  for (const window of newestFirst.flatMap(windowsOf)) {
    if (!byName.has(window.name)) byName.set(window.name, window);
  }
  return [...byName.values()];
}
