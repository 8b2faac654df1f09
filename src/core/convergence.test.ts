import { describe, expect, it } from 'vitest';
import { judgeRound, type RoundDecision } from './convergence.ts';
import type { Finding, LoopState } from './model.ts';

const finding = (title: string, file: string | null = 'src/a.ts'): Finding => ({
  severity: 'high',
  file,
  line: 1,
  title,
  detail: '',
});

/** Walks rounds of findings until one is stuck; the round (from 1) and why. */
function walk(
  rounds: readonly (readonly Finding[])[],
  facts: { touched?: string[] | null; changedSince?: string[] | null } = {},
): { round: number; why: string } | null {
  let loop: LoopState | null = null;
  for (const [at, findings] of rounds.entries()) {
    const decision: RoundDecision = judgeRound(loop, findings, {
      head: `head${at}`,
      touched: facts.touched === undefined ? ['src/a.ts', 'src/b.ts'] : facts.touched,
      changedSince: facts.changedSince === undefined ? ['src/a.ts', 'src/b.ts'] : facts.changedSince,
    });
    if (decision.kind === 'stuck') return { round: at + 1, why: decision.why };
    ({ loop } = decision);
  }
  return null;
}

describe('rounds of findings', () => {
  it('go on while each round resolves something new', () => {
    expect(
      walk([[finding('no test'), finding('null session')], [finding('null session')], [finding('typo')]]),
    ).toBeNull();
  });

  it('stop in the second round when the reviewer repeats itself, also in other words', () => {
    expect(walk([[finding('n must be 2')], [finding('n must be 2')]])).toMatchObject({
      round: 2,
      why: expect.stringContaining("none of the last round's findings is resolved"),
    });
    expect(
      walk([[finding('The session token is null here')], [finding('session token null, still')]]),
    ).toMatchObject({ round: 2 });
  });

  it('stop when they go back and forth, in the first round that resolves nothing new', () => {
    const [tabs, spaces] = [finding('indent with tabs'), finding('use spaces')];
    expect(walk([[tabs], [spaces], [tabs], [spaces]])).toMatchObject({
      round: 4,
      why: expect.stringContaining('back and forth'),
    });
  });

  it('stop at once when every finding is outside the task, and not when one is inside', () => {
    expect(walk([[finding('old typo', 'src/other.ts')]])).toMatchObject({
      round: 1,
      why: expect.stringContaining('outside what the task changes: old typo'),
    });
    expect(walk([[finding('old typo', 'src/other.ts'), finding('bug')]])).toBeNull();
    expect(walk([[finding('the commit message', null)]])).toBeNull();
    expect(walk([[finding('old typo', 'src/other.ts')]], { touched: null })).toBeNull();
  });

  it('stop when the goalposts move: only new findings in code that was there to see before', () => {
    const rounds = [[finding('no test', 'src/a.ts')], [finding('rename it', 'src/b.ts')]];
    expect(walk(rounds, { changedSince: ['src/a.ts'] })).toMatchObject({
      round: 2,
      why: expect.stringContaining('already seen: rename it'),
    });
    expect(walk(rounds, { changedSince: ['src/b.ts'] })).toBeNull();
  });
});
