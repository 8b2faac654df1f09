import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askVersion } from './version.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orch-version-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function ask(script: string, env: Record<string, string> = {}, timeoutMs?: number): Promise<string> {
  const bin = join(folder, 'claude');
  await writeFile(bin, `#!/bin/sh\n${script}\n`);
  await chmod(bin, 0o755);
  return askVersion(
    { id: 'a', home: folder, bin: 'claude', env },
    {
      product: 'Claude Code',
      searchPath: `${folder}:/usr/bin:/bin`,
      env: { ...env, HOME: folder },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    },
  );
}

describe('the version of a CLI', () => {
  it('is the number that a bare name on the search path prints', async () => {
    expect(await ask('[ "$1" = --version ] && echo "2.1.330 (Claude Code)"')).toBe('2.1.330');
    expect(await ask('echo "fake claude (test)"')).toBe('fake claude (test)');
    expect(await ask('exit 0')).toBe('unknown');
  });

  it('is asked with nothing of our own environment', async () => {
    expect(await ask('echo "1.2.3-$(env | grep -c VITEST)-$HOME" | tr / _', { A: 'b' })).toBe(
      `1.2.3-0-${folder.replaceAll('/', '_')}`,
    );
  });

  it('cannot be had from one that fails', async () => {
    await expect(ask('echo "no such model" >&2; exit 3')).rejects.toMatchObject({
      code: 'agent.unavailable',
      message: 'claude --version: no such model',
    });
  });

  it('cannot be had from one that hangs, and what it started ends with it', async () => {
    const mark = join(folder, 'alive');
    const script = `(sleep 1; touch ${mark}) & sleep 60`;
    await expect(ask(script, {}, 300)).rejects.toMatchObject({ code: 'agent.unavailable' });
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await expect(rm(mark)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
