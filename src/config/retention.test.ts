import { describe, expect, it } from 'vitest';
import { describeConfig } from './describe.ts';
import { load, problemsOf } from './test-kit.ts';

const DAY = 24 * 60 * 60 * 1000;

describe('retention', () => {
  it('has an age for everything that is forgotten, and never is one', () => {
    expect(load(null).config.retention).toEqual({
      worktreesMs: 7 * DAY,
      runsMs: 30 * DAY,
      ledgerMs: 30 * DAY,
      outboxMs: 30 * DAY,
      unknownShapesMs: 180 * DAY,
      salvageMs: 90 * DAY,
    });
    const loaded = load('retention: { runs: 12h, salvage: never }');
    expect(loaded.config.retention).toMatchObject({
      runsMs: DAY / 2,
      salvageMs: 'never',
      worktreesMs: 7 * DAY,
    });
    const shown = describeConfig(loaded).filter(({ key }) => key.startsWith('retention.'));
    expect(shown.map(({ key, value, origin }) => [key, value, origin])).toContainEqual([
      'retention.salvage',
      'never',
      'file',
    ]);
    expect(shown.map(({ value }) => value)).toEqual(['7d', '12h', '30d', '30d', '180d', 'never']);
  });

  it.each([
    ['less than an hour', 'runs: 5m', 'is not an age'],
    ['zero', 'worktrees: 0', 'is not an age'],
    ['a word', 'ledger: soon', 'is not an age'],
    ['a misspelt key', 'worktree: 7d', 'is not a known key'],
  ])('refuses %s', (_what, yaml, problem) => {
    expect(problemsOf(`retention: { ${yaml} }`)).toMatchObject([
      { problem: expect.stringContaining(problem) },
    ]);
  });
});
