import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type ProgramCall, runProgram } from './program.ts';

const PATH = '/usr/bin:/bin';
const MOST = 1_000_000;

function sh(script: string, call: Partial<ProgramCall> = {}) {
  const rest = { env: { PATH }, timeoutMs: 10_000, maxStdoutBytes: MOST, maxStderrBytes: MOST };
  return runProgram('sh', ['-c', script], { ...rest, ...call });
}

/** Empty when it is gone; Z when only its parent has not looked yet. */
function stateOf(pid: number): string {
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

describe('a short program', () => {
  it('answers with its output, byte by byte, and its exit code', async () => {
    const ended = await sh(`printf 'a\\377\\n'; echo b >&2; exit 3`);
    expect(ended).toMatchObject({ exitCode: 3, signal: null, timedOut: false, errorCode: null });
    expect([...ended.stdout]).toEqual([0x61, 0xff, 0x0a]);
    expect(ended.stderr.toString()).toBe('b\n');
  });

  it('sees the environment and the input that it was given, and nothing else', async () => {
    const { stdout } = await sh('env | grep -c VITEST; echo $A; cat', { env: { PATH, A: 'b' }, stdin: 'in' });
    expect(stdout.toString()).toBe('0\nb\nin');
    expect((await sh('cat')).stdout.toString()).toBe('');
  });

  it('tells the signal that ended it', async () => {
    expect(await sh('kill -KILL $$')).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  });

  it('tells why it could not be started', async () => {
    const call = { env: { PATH }, timeoutMs: 1000, maxStdoutBytes: 1, maxStderrBytes: 1 };
    expect(await runProgram('no-such-program', [], call)).toMatchObject({
      errorCode: 'ENOENT',
      exitCode: null,
    });
    expect(await runProgram('true', ['x'.repeat(4_000_000)], call)).toMatchObject({ errorCode: 'E2BIG' });
    expect(await runProgram('true', ['a\0b'], call)).toMatchObject({ errorCode: 'ERR_INVALID_ARG_VALUE' });
  });

  it('is ended at its time limit, also when it does not listen', async () => {
    const ended = await sh(`trap '' TERM; while :; do sleep 0.05; done`, { timeoutMs: 100, graceMs: 200 });
    expect(ended).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
    expect(await sh('sleep 30', { timeoutMs: 100 })).toMatchObject({ timedOut: true });
  });

  it('does not wait for what it left behind when it was ended', async () => {
    const from = performance.now();
    expect(await sh('(trap "" TERM; sleep 5) & sleep 5', { timeoutMs: 100 })).toMatchObject({
      timedOut: true,
    });
    expect(performance.now() - from).toBeLessThan(4000);
  });

  it('takes its whole group along when it has one', async () => {
    const { stdout } = await sh('(trap "" TERM; sleep 30) & echo $!; sleep 30', {
      timeoutMs: 200,
      ownGroup: true,
    });
    await sleep(50);
    expect(stateOf(Number(stdout.toString()))).toMatch(/^[ZX]?$/);
  });

  it('is ended when it prints more than fits, and what fits is there', async () => {
    const ended = await sh('while :; do echo 12345; done', { maxStdoutBytes: 8 });
    expect(ended).toMatchObject({ isTooLong: true, timedOut: false });
    expect(ended.stdout.toString()).toBe('12345\n12');
    expect(await sh('while :; do echo 12345 >&2; done', { maxStderrBytes: 8 })).toMatchObject({
      isTooLong: true,
    });
    expect(await sh('printf 12345678', { maxStdoutBytes: 8 })).toMatchObject({
      isTooLong: false,
      exitCode: 0,
    });
  });

  it('may end without reading its input', async () => {
    expect(await sh('exit 4', { stdin: 'x'.repeat(5_000_000) })).toMatchObject({ exitCode: 4 });
  });
});
