import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Calls, waitMs, withCall } from './message-budget.ts';

const GROUP = { perSecond: 1, perMinute: 20 };

it('lets no second and no minute have more calls than the chat allows, and waits no longer than it must', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 120 }), (pauses) => {
      let calls: Calls = [];
      let now = 0;
      const made: number[] = [];
      for (const pause of pauses) {
        now += pause;
        const wait = waitMs(calls, GROUP, now);
        // Without that wait one of the two would be broken.
        if (wait > 0) {
          const early = now + wait - 1;
          const inSecond = made.filter((at) => early - at < 1000).length;
          const inMinute = made.filter((at) => early - at < 60_000).length;
          expect(inSecond >= 1 || inMinute >= 20).toBe(true);
        }
        now += wait;
        calls = withCall(calls, now);
        made.push(now);
      }
      for (const at of made) {
        expect(made.filter((other) => other <= at && at - other < 1000).length).toBeLessThanOrEqual(1);
        expect(made.filter((other) => other <= at && at - other < 60_000).length).toBeLessThanOrEqual(20);
      }
    }),
    { numRuns: 100 },
  );
});
