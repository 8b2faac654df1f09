import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AgentAccount } from '../agents/agent.ts';
import type { Judgement, ProcessEnd } from '../core/failure.ts';
import { type Run, runName } from '../core/model.ts';
import { redact } from '../lib/redact.ts';

/** Of each stream the end: what decides a verdict is there. */
const KEPT_BYTES = 256 * 1024;
/** Shapes beyond this many are told, and not kept. */
const MAX_SHAPES = 200;

export interface ShapeToKeep {
  readonly run: Run;
  readonly judgement: Judgement;
  readonly end: ProcessEnd;
  /** Null when it is not configured any more. */
  readonly account: AgentAccount | null;
}

/**
 * Keeps the end of a log that no rule knows, redacted, apart from its run: `stdout.log`, `stderr.log` (for
 * `orch verdict`) and `shape.json`. One folder per shape, its first; safe to repeat. The folder, or null
 * when the run ended in a known way or there are too many.
 */
export async function keepShape(folder: string, shape: ShapeToKeep): Promise<string | null> {
  const { run, judgement, end, account } = shape;
  const mark = judgement.unknownShape;
  if (mark === null) return null;
  const name = mark.replace(/[^\w-]+/g, '-');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const kept = await readdir(folder);
  if (kept.includes(name)) return join(folder, name);
  if (kept.length >= MAX_SHAPES) return null;
  const options = {
    secrets: Object.values(account?.env ?? {}),
    homes: [...(account === null ? [] : [account.home]), homedir()],
  };
  const draft = join(folder, `.${name}-${randomUUID()}`);
  await mkdir(draft, { mode: 0o700 });
  try {
    const write = (file: string, text: string) => writeFile(join(draft, file), text, { mode: 0o600 });
    await write('stdout.log', redact(await endOf(join(run.directory, 'run.log')), options));
    await write('stderr.log', redact(await endOf(join(run.directory, 'stderr.log')), options));
    const facts = {
      shape: mark,
      agent: run.cliKind,
      version: judgement.cliVersion ?? run.cliVersion,
      run: runName(run.id),
      startedAt: new Date(run.startedAt).toISOString(),
      exitCode: end.exitCode,
      signal: end.signal,
      rule: judgement.rule,
      reason: redact(judgement.reason, options),
    };
    await write('shape.json', `${JSON.stringify(facts, null, 2)}\n`);
    await rename(draft, join(folder, name)).catch(async (error: NodeJS.ErrnoException) => {
      // Another run with the same shape was first.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return join(folder, name);
}

/** The end of a file from the beginning of a line, where there is one; empty when there is no such file. */
async function endOf(path: string): Promise<string> {
  const file = await open(path).catch(() => null);
  if (file === null) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, KEPT_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const lineEnd = length < size ? buffer.subarray(0, bytesRead - 1).indexOf(10) : -1;
    return buffer.toString('utf8', lineEnd + 1, bytesRead);
  } finally {
    await file.close();
  }
}
