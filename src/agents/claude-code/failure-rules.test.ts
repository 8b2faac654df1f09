import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadRecordings } from '../agent.contract.ts';
import { FAILURE_RULES } from './failure-rules.ts';
import { judge } from './judge.ts';

const recordings = await loadRecordings(
  fileURLToPath(new URL('../../../test/fixtures/agent-logs/claude', import.meta.url)),
);
const rows = FAILURE_RULES.flatMap(({ rule, seen }) =>
  recordings
    .filter(({ name }) => seen.split(', ').includes(name))
    .map((recording) => [rule, recording] as const),
);

describe('the table of failures', () => {
  it('has each rule once, and most of them seen in a recording', () => {
    expect(new Set(FAILURE_RULES.map(({ rule }) => rule)).size).toBe(FAILURE_RULES.length);
    expect(new Set(rows.map(([rule]) => rule)).size).toBeGreaterThan(FAILURE_RULES.length / 2);
  });

  it.each(rows.map(([rule, recording]) => [rule, recording.name, recording] as const))(
    '%s decides %s',
    async (rule, _, { run }) => {
      // Who stopped a run is stronger than any rule; here the log is to speak for itself.
      const { rule: decided } = await judge({ ...run, end: { ...run.end, stoppedBy: null } });
      expect(decided).toBe(rule);
    },
  );

  it('leaves no failed recording to the unknown', async () => {
    for (const { run } of recordings) expect((await judge(run)).rule).not.toBe('claude.unknown');
  });
});
