import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diskUsage } from './disk-usage.ts';

describe('disk usage', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'orch-usage-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const MB = 1024 ** 2;
  const later = () => performance.now() + 60_000;

  it('is that of all below, each file once and no link followed', async () => {
    mkdirSync(join(folder, 'a', 'b'), { recursive: true });
    writeFileSync(join(folder, 'a', 'b', 'big'), Buffer.alloc(3 * MB, 1));
    linkSync(join(folder, 'a', 'b', 'big'), join(folder, 'a', 'again'));
    symlinkSync('/', join(folder, 'a', 'root'));
    const { bytes, whole } = await diskUsage(join(folder, 'a'), later());
    expect(whole).toBe(true);
    expect(bytes).toBeGreaterThanOrEqual(3 * MB);
    expect(bytes).toBeLessThan(3.2 * MB);
    expect((await diskUsage(join(folder, 'a', 'b', 'big'), later())).bytes).toBeGreaterThanOrEqual(3 * MB);
    expect(await diskUsage(join(folder, 'missing'), later())).toMatchObject({ bytes: 0, whole: true });
  });

  it('ends at the deadline and says that it did', async () => {
    writeFileSync(join(folder, 'file'), 'x');
    expect(await diskUsage(folder, performance.now() - 1)).toMatchObject({ whole: false });
  });
});
