import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { ProgramCall } from './program.ts';
import { createProgramThreads } from './program-threads.ts';

const CALL: ProgramCall = {
  env: { PATH: '/usr/bin:/bin' },
  timeoutMs: 10_000,
  maxStdoutBytes: 1_000_000,
  maxStderrBytes: 1_000_000,
};

describe('programs in threads', () => {
  it('end as they do without, each with its own output', async () => {
    const run = createProgramThreads();
    const ended = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        run('sh', ['-c', `cat; printf '\\377'; echo ${i} >&2; exit ${i % 3}`], { ...CALL, stdin: `${i}` }),
      ),
    );
    for (const [i, { stdout, stderr, exitCode }] of ended.entries()) {
      expect([...stdout]).toEqual([...Buffer.from(`${i}`), 0xff]);
      expect([stderr.toString(), exitCode]).toEqual([`${i}\n`, i % 3]);
    }
    expect(await run('no-such-program', [], CALL)).toMatchObject({ errorCode: 'ENOENT' });
    expect(await run('sleep', ['30'], { ...CALL, timeoutMs: 100 })).toMatchObject({ timedOut: true });
  });

  it('keep a process alive while they run, and no longer', () => {
    const module = new URL('./program-threads.ts', import.meta.url).href;
    const script = `
      const { createProgramThreads } = await import(${JSON.stringify(module)});
      const run = createProgramThreads();
      const call = ${JSON.stringify(CALL)};
      await Promise.all([1, 2, 3, 4].map((n) => run('sleep', ['0.' + n], call)));
      run('sh', ['-c', 'sleep 0.3; echo last'], call).then(({ stdout }) => process.stdout.write(stdout));`;
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
    expect(out.toString()).toBe('last\n');
  });
});
