import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claudeCode } from '../agents/claude-code/claude-code.ts';
import type { Run } from '../core/model.ts';
import { createRunLogs } from './run-log.ts';
import { createRunTurns } from './run-turns.ts';
import type { Runtime } from './runtime.ts';

const MINUTE = 60_000;
const T0 = Date.UTC(2026, 0, 5, 9);
let directory: string;
let now: number;
let live: Run[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orch-turns-'));
  now = T0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const run = (fields: Partial<Run> = {}): Run => ({
  ...({} as Run),
  ...{ id: 1, account: 'a', cliKind: 'claude-code', status: 'running', startedAt: T0, directory },
  ...fields,
});
function open(agent: object = claudeCode.create()) {
  const runtime = {
    accounts: new Map([['a', { agent, account: { env: {} } }]]),
  } as unknown as Runtime;
  const runLogs = createRunLogs({
    ...{ runtime: () => runtime, secrets: () => [], clock: () => now },
    live: () => live.map((each) => ({ run: each })) as never,
    pace: { logLookMs: 1000 },
  });
  const turnsOf = createRunTurns({
    live: () => live.map((each) => ({ run: each })),
    ...{ runLogs, clock: () => now },
  });
  return { runLogs, turnsOf };
}
const says = (id: string, tokens: number) =>
  appendFileSync(
    join(directory, 'run.log'),
    `${JSON.stringify({ type: 'assistant', message: { id, usage: { input_tokens: tokens } } })}\n`,
  );

it('counts each message of a live run once, and its new tokens in the minute in which it came', async () => {
  live = [run()];
  const { runLogs, turnsOf } = open();
  expect(await turnsOf(run())).toBeNull();
  for (const [wait, id, tokens] of [
    [1, 'm1', 100],
    [0, 'm1', 100],
    [1, 'm2', 20],
    [2 * MINUTE, 'm3', 7],
  ] as const) {
    // Somebody looks all the while, or nobody knows when a line came.
    for (let at = 0; at < wait; at += 4000) {
      now += Math.min(4000, wait - at);
      await runLogs.times.lookAt(run());
    }
    says(id, tokens);
    await runLogs.times.lookAt(run());
  }
  const told = await turnsOf(run());
  expect(told?.count).toBe(3);
  expect(told?.minutes.map(({ newInputTokens }) => newInputTokens)).toEqual([120, 0, 7]);
  expect(told?.minutes.at(-1)?.at).toBe(now - MINUTE);
  now += 1000;
  expect(await turnsOf(run())).toMatchObject({ count: 3 });
});

it('shows the last 13 minutes, and counts what came when nobody looked without a minute', async () => {
  live = [run({ startedAt: T0 - 60 * MINUTE })];
  says('m0', 999);
  const { turnsOf } = open();
  const told = await turnsOf(live[0] as Run);
  expect(told?.count).toBe(1);
  expect(told?.minutes.map(({ newInputTokens }) => newInputTokens)).toEqual(Array(13).fill(0));
});

it('tells nothing of a run that is over, or of a CLI that does not tell', async () => {
  live = [run()];
  says('m1', 100);
  expect(await open().turnsOf(run({ id: 2 }))).toBeNull();
  expect(await open({ ...claudeCode.create(), turn: undefined }).turnsOf(run())).toBeNull();
});
