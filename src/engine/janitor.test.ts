import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLogger } from '../lib/logger.ts';
import { createJanitor, type Janitor, type JanitorParts } from './janitor.ts';

let walks: number;
let changed: () => void;
let janitor: Janitor;

beforeEach(() => {
  vi.useFakeTimers();
  walks = 0;
  janitor = createJanitor({
    store: {
      onWake: (heard: () => void) => {
        changed = heard;
        return () => {};
      },
    },
    workspace: {
      clones: async () => {
        walks++;
        return [];
      },
    },
    runtime: () => ({ projects: new Map([['api', {}]]) }),
    clock: Date.now,
    log: createLogger('silent', null),
  } as unknown as JanitorParts);
});
afterEach(async () => {
  await janitor.stop();
  vi.useRealTimers();
});

it('walks through the worktrees once for many changes of the store, and again for those after it', async () => {
  janitor.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(walks).toBe(1);
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 100; i++) changed();
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(walks).toBeLessThanOrEqual(32);
  const before = walks;
  changed();
  await vi.advanceTimersByTimeAsync(2000);
  expect(walks).toBeGreaterThan(before);
  await janitor.stop();
  changed();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(walks).toBeLessThanOrEqual(before + 2);
});
