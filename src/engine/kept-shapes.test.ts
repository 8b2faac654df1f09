import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../core/model.ts';
import { judgement } from '../core/test-kit.ts';
import { keepShape, type ShapeToKeep } from './kept-shapes.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orch-shapes-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function shape(mark: string | null, fields: Partial<ShapeToKeep> = {}): ShapeToKeep {
  const run = { id: 7, directory: folder, cliKind: 'codex', cliVersion: '0.170.0', startedAt: 0 } as Run;
  return {
    run,
    judgement: judgement('permanent', { unknownShape: mark, reason: 'odd, says mara@example.org' }),
    end: { exitCode: 1, signal: null, stoppedBy: null, vanished: false },
    account: { id: 'a', home: '/srv/agents/a', bin: 'codex', env: { KEY: 'hush-hush-hush' } },
    ...fields,
  };
}
const kept = () => join(folder, 'kept');
const log = (text: string, file = 'run.log') => writeFile(join(folder, file), text);

describe('the log of an end that no rule knows', () => {
  it('is kept without the secrets of its account, its home and its people, for this user alone', async () => {
    await log('{"a":"hush-hush-hush in /srv/agents/a/x"}\n');
    await log('by mara@example.org\n', 'stderr.log');
    const place = (await keepShape(kept(), shape('codex:ab12'))) ?? '';
    expect(place).toBe(join(kept(), 'codex-ab12'));
    expect(await readFile(join(place, 'stdout.log'), 'utf8')).toBe('{"a":"[secret] in [home]/x"}\n');
    expect(await readFile(join(place, 'stderr.log'), 'utf8')).toBe('by [e-mail]\n');
    expect(JSON.parse(await readFile(join(place, 'shape.json'), 'utf8'))).toEqual({
      shape: 'codex:ab12',
      agent: 'codex',
      version: '0.170.0',
      run: 'run_7',
      startedAt: '1970-01-01T00:00:00.000Z',
      exitCode: 1,
      signal: null,
      rule: 'test',
      reason: 'odd, says [e-mail]',
    });
    expect((await stat(join(place, 'stdout.log'))).mode & 0o077).toBe(0);
    expect((await stat(place)).mode & 0o077).toBe(0);
  });

  it('is the first of its shape: a later one changes nothing', async () => {
    await log('first\n');
    const place = (await keepShape(kept(), shape('codex:ab12'))) ?? '';
    await log('second\n');
    expect(await Promise.all([1, 2, 3].map(() => keepShape(kept(), shape('codex:ab12'))))).toEqual([
      place,
      place,
      place,
    ]);
    expect(await readFile(join(place, 'stdout.log'), 'utf8')).toBe('first\n');
  });

  it('survives three runs that show it at once, as one folder', async () => {
    await log('x\n');
    await Promise.all([1, 2, 3].map(() => keepShape(kept(), shape('codex:ab12'))));
    expect(await readdir(kept())).toEqual(['codex-ab12']);
  });

  it('is cut to its end, at the beginning of a line', async () => {
    const line = `${'x'.repeat(99)}\n`;
    await log(`${line.repeat(10_000)}the end\n`);
    const place = (await keepShape(kept(), shape('codex:ab12'))) ?? '';
    const text = await readFile(join(place, 'stdout.log'), 'utf8');
    expect(text.length).toBeGreaterThan(200 * 1024);
    expect(text.length).toBeLessThanOrEqual(256 * 1024);
    expect(text.startsWith(line)).toBe(true);
    expect(text.endsWith(`${line}the end\n`)).toBe(true);
  });

  it('is kept where a name of a file is made of anything', async () => {
    await log('x\n');
    expect(await keepShape(kept(), shape('odd/../kind:ab'))).toBe(join(kept(), 'odd-kind-ab'));
  });

  it('is kept as empty when there is no log', async () => {
    const place = (await keepShape(kept(), shape('codex:ab12', { account: null }))) ?? '';
    expect(await readFile(join(place, 'stdout.log'), 'utf8')).toBe('');
  });

  it('is not kept when a rule knew the end', async () => {
    expect(await keepShape(kept(), shape(null))).toBeNull();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is not kept beyond two hundred shapes', async () => {
    for (let i = 0; i < 200; i++) await keepShape(kept(), shape(`codex:${i}`));
    expect(await keepShape(kept(), shape('codex:200'))).toBeNull();
    expect(await keepShape(kept(), shape('codex:7'))).toBe(join(kept(), 'codex-7'));
  });
});
