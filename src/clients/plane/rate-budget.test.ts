import { describe, expect, it } from 'vitest';
import { createRateBudget } from './rate-budget.ts';

/** A budget under a clock that moves only when somebody waits. */
function open() {
  let now = 1_000_000;
  const waits: number[] = [];
  const budget = createRateBudget(() => now, {
    wait: async (ms) => {
      waits.push(ms ?? 0);
      now += ms ?? 0;
      return undefined as never;
    },
  });
  const said = (remaining: string) => budget.learn(new Headers({ 'x-ratelimit-remaining': remaining }));
  const take = async (kind: 'read' | 'write', times: number) => {
    const turns = [];
    for (let i = 0; i < times; i++) turns.push(await budget.turn(kind, undefined));
    return turns;
  };
  return {
    ...{ budget, waits, said, take },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('the requests of a key', () => {
  it('are sixty in a minute, of which reads leave ten to writes', async () => {
    const { take, waits } = open();
    expect(await take('read', 50)).toEqual(Array(50).fill(null));
    expect(await take('read', 1)).toEqual([60_000]);
    expect(await take('write', 10)).toEqual(Array(10).fill(null));
    expect(await take('write', 1)).toEqual([60_000]);
    expect(waits).toEqual([]);
  });

  it('come back as the minute moves on, and a short wait is waited', async () => {
    const { take, pass, waits } = open();
    await take('read', 50);
    pass(50_000);
    expect(await take('read', 1)).toEqual([null]);
    expect(waits).toEqual([10_000]);
  });

  it('are as many as Plane says: more where the administrator allows them, fewer where others use the key', async () => {
    const more = open();
    await more.take('read', 1);
    more.said('299');
    expect(await more.take('read', 200)).toEqual(Array(200).fill(null));
    const fewer = open();
    await fewer.take('read', 1);
    fewer.said('3');
    expect(await fewer.take('write', 3)).toEqual([null, null, null]);
    expect(await fewer.take('write', 1)).toEqual([60_000]);
  });

  it('are believed to be sixty again when Plane has said nothing for a minute', async () => {
    const { take, said, pass } = open();
    await take('write', 1);
    said('0');
    pass(61_000);
    expect(await take('write', 5)).toEqual(Array(5).fill(null));
  });

  it('are none until the time that a refusal names', async () => {
    const { budget, take, pass } = open();
    budget.refused(40_000);
    expect(await take('write', 1)).toEqual([40_000]);
    pass(40_000);
    expect(await take('write', 1)).toEqual([null]);
  });

  it.each(['', 'x', '-1', '1.5'])('are not counted by a header that says %j', async (header) => {
    const { said, take } = open();
    said(header);
    expect(await take('read', 50)).toEqual(Array(50).fill(null));
  });

  it('are given to nobody who gave up', async () => {
    const { budget } = open();
    await expect(budget.turn('read', AbortSignal.abort())).rejects.toThrow();
  });
});
