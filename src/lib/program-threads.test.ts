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

  it.each([
    ['when no thread has run any', 2],
    ['when each has', 4],
  ])('keep a process alive while they run, and no longer: %s', (_when, count) => {
    const module = new URL('./program-threads.ts', import.meta.url).href;
    const script = `
      const { createProgramThreads } = await import(${JSON.stringify(module)});
      const run = createProgramThreads();
      const call = ${JSON.stringify(CALL)};
      const echo = (n) => run('sh', ['-c', 'sleep 0.' + n + '; echo ' + n], call);
      for (let n = 1; n <= ${count}; n++) echo(n).then(({ stdout }) => process.stdout.write(stdout));`;
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
    expect(out.toString().split('\n').sort().join('')).toBe('1234'.slice(0, count));
  });
});
