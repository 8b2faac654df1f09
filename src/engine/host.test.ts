import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { hostGate, hostTrouble, leastRoom } from './host.ts';

const GB = 1024 ** 3;

describe('the host gate', () => {
  it.each([
    ['all disks have room', [2 * GB, 1 * GB], 8 * GB, null],
    ['one of them runs out', [200 * GB, GB - 1], 8 * GB, 'host.disk'],
    ['memory runs out', [2 * GB], 0.1 * GB, 'host.memory'],
    ['nothing can be measured yet', [Number.POSITIVE_INFINITY], 8 * GB, null],
  ])('%s', (_what, free, memory, code) => {
    const disks = free.map((freeBytes, i) => ({ folder: `/disk-${i}`, freeBytes }));
    expect(hostTrouble(disks, memory)?.code ?? null).toBe(code);
  });

  it('names the fullest disk, not the first', () => {
    const disks = [0.5, 0.25, 0.75].map((part, i) => ({ folder: `/disk-${i}`, freeBytes: part * GB }));
    expect(hostTrouble(disks, 8 * GB)?.detail).toContain('0.3 GB disk left for /disk-1');
  });

  it('is open here, and a folder that is not there yet closes nothing', async () => {
    expect(await hostGate([tmpdir(), '/no/such/folder'])).toBeNull();
    expect(await leastRoom([tmpdir(), '/no/such/folder'])).toBeGreaterThan(GB);
    expect(await leastRoom(['/no/such/folder'])).toBeNull();
  });
});
