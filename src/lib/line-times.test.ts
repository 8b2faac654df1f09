import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { noteTime, openTimes } from './line-times.ts';

const folder = mkdtempSync(join(tmpdir(), 'orch-times-'));
afterAll(() => rmSync(folder, { recursive: true }));
const T0 = Date.UTC(2026, 0, 5, 9);

async function timesOf(path: string, offsets: readonly number[]): Promise<(number | null)[]> {
  await using times = await openTimes(path);
  const found: (number | null)[] = [];
  for (const offset of offsets) found.push((await times?.at(offset)) ?? null);
  return found;
}

describe('the times of a file that grows', () => {
  it('are those of the look that first saw a byte', async () => {
    const path = join(folder, 'a');
    expect(await openTimes(path)).toBeNull();
    await noteTime(path, { until: 100, from: T0, at: T0 + 500 });
    await noteTime(path, { until: 250, from: T0 + 500, at: T0 + 1000 });
    await noteTime(path, { until: 260, from: T0 + 90_000, at: T0 + 90_500 });
    expect(await timesOf(path, [1, 100, 101, 250, 251, 260, 261])).toEqual([
      ...[T0 + 500, T0 + 500, T0 + 1000, T0 + 1000, T0 + 90_500, T0 + 90_500, null],
    ]);
    await using times = await openTimes(path);
    expect(await times?.last()).toEqual({ until: 260, from: T0 + 90_000, at: T0 + 90_500 });
  });

  it('are unknown for what came while nobody looked', async () => {
    const path = join(folder, 'b');
    await noteTime(path, { until: 10, from: T0, at: T0 + 100 });
    await noteTime(path, { until: 20, from: T0 + 100, at: T0 + 60_000 });
    await noteTime(path, { until: 30, from: T0 + 60_000, at: T0 + 60_500 });
    expect(await timesOf(path, [10, 20, 30])).toEqual([T0 + 100, null, T0 + 60_500]);
  });

  it('are found in many notes, in any order', async () => {
    const path = join(folder, 'c');
    const note = (n: number) =>
      `${String(n * 10).padStart(15, '0')} ${T0 + n * 1000 - 500} ${T0 + n * 1000}\n`;
    writeFileSync(path, Array.from({ length: 5000 }, (_, i) => note(i + 1)).join(''));
    expect(await timesOf(path, [50_000, 1, 25_005, 25_010, 25_011, 50_001])).toEqual([
      ...[T0 + 5_000_000, T0 + 1000, T0 + 2_501_000, T0 + 2_501_000, T0 + 2_502_000, null],
    ]);
  });

  it('are never written through a link, and are none where somebody else wrote', async () => {
    const target = join(folder, 'target');
    writeFileSync(target, '');
    symlinkSync(target, join(folder, 'link'));
    expect(await noteTime(join(folder, 'link'), { until: 1, from: T0, at: T0 })).toBe(false);
    expect(statSync(target).size).toBe(0);
    writeFileSync(target, 'x'.repeat(1000));
    expect(await timesOf(target, [1, 500])).toEqual([null, null]);
  });
});
