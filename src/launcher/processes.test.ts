import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, expect, it } from 'vitest';
import { processorTimes } from './processes.ts';

const BUSY = 'i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done';
// A child that has ended, and one that still lives.
const child = spawn('/bin/sh', ['-c', `sh -c '${BUSY}'; sh -c '${BUSY}; echo ready; sleep 60'`], {
  detached: true,
  stdio: ['ignore', 'pipe', 'ignore'],
});
afterAll(() => {
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
});

it('counts the processor time of a process with its children, those that ended too', async () => {
  const pid = child.pid ?? 0;
  await once(child.stdout, 'data');
  const times = await processorTimes([pid, 2 ** 30]);
  expect([...times.keys()]).toEqual([pid]);
  expect(times.get(pid)).toBeGreaterThanOrEqual(40);
  expect(times.get(pid)).toBeLessThan(30_000);
  const idle = await processorTimes([pid]);
  expect((idle.get(pid) ?? 0) - (times.get(pid) ?? 0)).toBeLessThanOrEqual(20);
});
