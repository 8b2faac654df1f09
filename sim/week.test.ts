import { expect, it, onTestFinished } from 'vitest';
import { makeFolder, makeTemplate } from './installation.ts';
import { PROBE_INTERVAL_MS, runWeek } from './week.ts';

const TIMEOUT_MS = 360_000;
/** A limit without a reset that holds is probed at intervals that grow to an hour; a run may then hold the slot. */
const SLOWEST_PROBE_MS = 75 * 60_000;

it(
  'lives through a week of outages: nothing spent in vain, nothing idle, every queued minute told alike',
  async () => {
    const folder = makeFolder();
    onTestFinished(() => folder.remove());
    const template = await makeTemplate(folder.path);
    const week = await runWeek({ seed: 1, template, folder: folder.path, compareEvery: 60 });
    expect(week.violation, `in seed 1:\n${week.story.join('\n')}`).toBeNull();
    expect(week.toldOtherwise).toEqual({ count: 0, example: null });
    expect(week.idleMinutes).toBe(0);
    expect(week.jobs.attemptsTooMany).toBe(0);
    expect(week.jobs.done).toBeGreaterThan(2000);
    expect(new Set(week.outages.map(({ account, kind }) => `${account} ${kind}`)).size).toBe(18);
    // Overload is the breaker's: a probe per cooldown, and some of the requests are answered.
    const costly = week.outages.filter(
      ({ kind, from, until, starts }) =>
        kind !== 'overloaded' && starts > Math.ceil((until - from) / PROBE_INTERVAL_MS) + 1,
    );
    expect(costly).toEqual([]);
    expect(week.outages.filter(({ recoveryMs }) => (recoveryMs ?? Infinity) > SLOWEST_PROBE_MS)).toEqual([]);
  },
  TIMEOUT_MS,
);
