import { expect, it } from 'vitest';
import { isSnoozed, type Snooze } from './snooze.ts';

const snooze: Snooze = {
  ...{ code: 'account.signed_out', kind: 'account', id: 'a' },
  ...{ at: 1000, until: 5000, held: 3 },
};
it.each([
  ['is put off', { since: 900, jobsHeld: 3 }, 4999, true],
  ['comes back when its time is over', { since: 900, jobsHeld: 3 }, 5000, false],
  ['stays put off when it gets better', { since: 900, jobsHeld: 1 }, 2000, true],
  ['comes back when it gets worse', { since: 900, jobsHeld: 4 }, 2000, false],
  ['comes back when it ended and began anew', { since: 1001, jobsHeld: 1 }, 2000, false],
])('what was snoozed %s', (_name, now, at, expected) => {
  expect(isSnoozed(snooze, now, at)).toBe(expected);
});
