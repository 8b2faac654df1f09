import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from './load.ts';
import { type ConfigChange, type ConfigWatcher, watchConfig } from './watch.ts';

const LOCAL = { kind: 'local', keys: {}, needs: [] };
const KINDS = { agents: ['scripted'], trackers: [LOCAL], forges: [LOCAL], notifiers: [] };

describe('watchConfig', () => {
  let folder: string;
  let file: string;
  let watcher: ConfigWatcher | null;
  let changes: ConfigChange[];

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    folder = mkdtempSync(join(tmpdir(), 'orch-config-'));
    file = join(folder, 'orch.yaml');
    changes = [];
    watcher = null;
  });

  afterEach(() => {
    watcher?.close();
    vi.useRealTimers();
    rmSync(folder, { recursive: true, force: true });
  });

  function watch(): void {
    const options = { env: { HOME: folder }, cwd: folder, kinds: KINDS };
    const current = loadConfig(options);
    watcher = watchConfig({
      ...options,
      current,
      onChange: (change) => changes.push(change),
      intervalMs: 100,
    });
  }

  /** Enough looks for a change to settle and be read. */
  function settle(): ConfigChange[] {
    vi.advanceTimersByTime(500);
    return changes.splice(0);
  }

  it('applies a changed file, once', () => {
    writeFileSync(file, 'max_concurrency: 2');
    watch();
    expect(settle()).toEqual([]);
    writeFileSync(file, 'max_concurrency: 5');
    expect(settle()).toMatchObject([{ kind: 'applied', config: { maxConcurrency: 5 }, warnings: [] }]);
    expect(settle()).toEqual([]);
  });

  it('reports a bad file once, keeps the last good one, and applies the repaired one', () => {
    writeFileSync(file, 'max_concurrency: 2');
    watch();
    writeFileSync(file, 'max_concurrency: zwei');
    expect(settle()).toMatchObject([{ kind: 'rejected', error: { code: 'config.invalid' } }]);
    expect(settle()).toEqual([]);
    writeFileSync(file, 'max_concurrency: 2');
    expect(settle()).toMatchObject([{ kind: 'applied', config: { maxConcurrency: 2 } }]);
  });

  it('survives a rename over the file', () => {
    writeFileSync(file, 'max_attempts: 2');
    watch();
    for (const attempts of [3, 4]) {
      writeFileSync(`${file}.new`, `max_attempts: ${attempts}`);
      renameSync(`${file}.new`, file);
      expect(settle()).toMatchObject([{ kind: 'applied', config: { limits: { maxAttempts: attempts } } }]);
    }
  });

  it('rejects a deletion rather than forget every project, and sees the file return', () => {
    writeFileSync(file, 'max_attempts: 2');
    watch();
    rmSync(file);
    const [gone] = settle();
    expect(gone).toMatchObject({ kind: 'rejected', error: { code: 'config.invalid' } });
    expect(gone?.kind === 'rejected' && gone.error.message).toContain('orch.yaml: is not there');
    writeFileSync(file, 'max_attempts: 6');
    expect(settle()).toMatchObject([{ kind: 'applied', config: { limits: { maxAttempts: 6 } } }]);
  });

  it('waits until a file that is being written stays the same', () => {
    writeFileSync(file, 'max_attempts: 2');
    watch();
    settle();
    for (const text of ['max_', 'max_attempts', 'max_attempts: 9']) {
      writeFileSync(file, text);
      vi.advanceTimersByTime(100);
      expect(changes).toEqual([]);
    }
    expect(settle()).toMatchObject([{ kind: 'applied', config: { limits: { maxAttempts: 9 } } }]);
  });

  it('sees a file that comes later, in a folder that comes later', () => {
    watch();
    expect(settle()).toEqual([]);
    mkdirSync(join(folder, '.orch'));
    writeFileSync(join(folder, '.orch', 'orch.yaml'), 'max_attempts: 9');
    expect(settle()).toMatchObject([
      { kind: 'applied', loaded: { file: join(folder, '.orch', 'orch.yaml') } },
    ]);
  });

  it('sees a change made between loading and watching', () => {
    writeFileSync(file, 'max_attempts: 2');
    const options = { env: { HOME: folder }, cwd: folder, kinds: KINDS };
    const current = loadConfig(options);
    writeFileSync(file, 'max_attempts: 3');
    watcher = watchConfig({
      ...options,
      current,
      onChange: (change) => changes.push(change),
      intervalMs: 100,
    });
    expect(settle()).toMatchObject([{ kind: 'applied', config: { limits: { maxAttempts: 3 } } }]);
  });

  it('keeps what needs a restart, and says so', () => {
    writeFileSync(file, 'port: 1000\nmax_attempts: 2');
    watch();
    writeFileSync(file, 'port: 2000\nmax_attempts: 3');
    expect(settle()).toMatchObject([
      {
        kind: 'applied',
        config: { port: 1000, limits: { maxAttempts: 3 } },
        warnings: [{ key: 'port', value: '2000' }],
      },
    ]);
  });

  it('follows a prompt file too', () => {
    const stages = '[{ stage: development, prompt: dev.md }]';
    writeFileSync(join(folder, 'dev.md'), 'one');
    writeFileSync(
      file,
      `accounts: { a: { agent: scripted, home: . } }\nprojects: { p: { repo: ., accounts: [a], pipeline: ${stages} } }`,
    );
    watch();
    writeFileSync(join(folder, 'dev.md'), 'two');
    expect(settle()).toMatchObject([
      { kind: 'applied', config: { projects: [{ pipeline: [{ prompt: 'two' }] }] } },
    ]);
  });

  it('says nothing after it was closed', () => {
    writeFileSync(file, 'max_attempts: 2');
    watch();
    watcher?.close();
    writeFileSync(file, 'max_attempts: 3');
    expect(settle()).toEqual([]);
  });
});
