import { describe, expect, it } from 'vitest';
import { endedRun } from '../core/test-kit.ts';
import { createRunProof, type LiveProcesses } from './run-proof.ts';

const run = endedRun({ id: 8, status: 'running' });
const other = endedRun({ id: 9, status: 'running' });

function kit(live: LiveProcesses[]) {
  const looked: number[] = [];
  const times = new Map([[70, 1000]]);
  const proof = createRunProof({
    live: () => live,
    processorTimes: () => Promise.resolve(times),
    progressOf: ({ id }) => {
      looked.push(id);
      return Promise.resolve({ commits: looked.length, stat: { files: 1, added: 2, deleted: 3 } });
    },
    clock: () => 5000,
    intervalMs: null,
  });
  return { looked, times, proof };
}

describe('the proof of a live run', () => {
  it('is the processor time of its processes, and its share since the look before', async () => {
    const { proof, times } = kit([{ run, pids: [70, 71] }]);
    await proof.measure();
    expect(await proof.of(8)).toMatchObject({ cpuMs: 1000, cpuShare: null });
    await proof.measure();
    times.set(71, 10_000_000);
    await proof.measure();
    const { cpuMs, cpuShare } = (await proof.of(8)) ?? {};
    expect(cpuMs).toBe(10_001_000);
    expect(cpuShare).toBeGreaterThan(1);
  });

  it('has of the worktree what is new since the round began, for those who ask, and waits for the first look', async () => {
    const { proof, looked } = kit([
      { run, pids: [] },
      { run: other, pids: [] },
    ]);
    await proof.measure();
    expect(looked).toEqual([]);
    expect(await proof.of(8, 1000)).toMatchObject({ progress: { commits: 1 }, lookedAt: 5000 });
    await proof.measure();
    expect(await proof.of(8)).toMatchObject({ progress: { commits: 2 } });
    expect(looked).toEqual([8, 8]);
  });

  it('is none of a run that is not live here', async () => {
    const live = [{ run, pids: [70] }];
    const { proof } = kit(live);
    expect(await proof.of(9)).toBeNull();
    live.pop();
    expect(await proof.of(8)).toBeNull();
  });
});
