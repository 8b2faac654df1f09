import { defineConfig } from 'vitest/config';

const setupFiles = ['test/support/clean-environment.ts'];

export default defineConfig({
  test: {
    // Forks: better-sqlite3 is native, and tests send signals and change directory.
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'web/src/**/*.test.ts',
            'sim/**/*.test.ts',
            'test/house/**/*.test.ts',
            'test/support/**/*.test.ts',
          ],
          setupFiles,
          testTimeout: 15_000,
          hookTimeout: 30_000,
          // vitest leaves one of two cores to itself, which has nothing to do.
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          setupFiles,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Each starts real servers and processes, and waits for them half of its time.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          setupFiles,
          testTimeout: 30_000,
          hookTimeout: 90_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
