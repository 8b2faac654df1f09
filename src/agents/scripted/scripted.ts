import { createHash } from 'node:crypto';
import { access, constants, open } from 'node:fs/promises';
import { z } from 'zod';
import { AppError, messageOf } from '../../core/errors.ts';
import { type Judgement, notRun } from '../../core/failure.ts';
import { NO_USAGE } from '../../core/usage.ts';
import type { Agent, FinishedRun } from '../agent.ts';

const TAIL_BYTES = 64 * 1024;

/**
 * An agent without a model: the account's `bin` is a program that reads the prompt on stdin, works in
 * the clone and ends with one line `{"type":"result","ok":true,"summary":"..."}`. For demos, dry runs
 * and soak tests; it needs no sign-in and spends no tokens.
 */
export const scripted = { kind: 'scripted', create } as const;

function create(): Agent {
  return {
    kind: 'scripted',
    recordedVersions: null,
    async version(account) {
      await access(account.bin, constants.R_OK).catch((error: unknown) => {
        throw new AppError(`the script ${account.bin} cannot be read: ${messageOf(error)}`, {
          code: 'agent.unavailable',
          hint: `set accounts.${account.id}.bin to an absolute path`,
        });
      });
      return '1';
    },
    async signIn() {
      return {
        state: 'ready',
        source: 'none_needed',
        expiresAt: null,
        fingerprint: createHash('sha256').update('scripted').digest('hex').slice(0, 16),
        detail: 'a script needs no sign-in',
      };
    },
    credentialFiles: () => [],
    loginCommand: () => 'true',
    canResume: () => Promise.resolve(false),
    invocation: (request) => ({
      argv: /\.[cm]?[jt]s$/.test(request.account.bin)
        ? [process.execPath, request.account.bin]
        : [request.account.bin],
      env: { ...request.account.env, HOME: request.account.home },
      stdin: request.prompt,
    }),
    judge,
  };
}

async function judge(run: FinishedRun): Promise<Judgement> {
  const { end } = run;
  if (end.vanished || (end.signal !== null && end.stoppedBy === null))
    return notRun('lost', 'the script vanished', 'scripted.lost');
  switch (end.stoppedBy) {
    case 'cancel':
      return notRun('cancelled', 'stopped', 'scripted.stopped');
    case 'timeout':
      return notRun('timeout', 'the script ran into its time limit', 'scripted.timeout');
    case 'stall':
      return notRun('stalled', 'the script was silent for too long', 'scripted.stalled');
    case 'outside':
      return notRun('lost', 'the script was stopped from outside', 'scripted.lost');
    case null:
      break;
  }
  const text = await tail(run.stdoutPath);
  if (text === null) return notRun('permanent', 'missing run log', 'scripted.missing_log');
  if (text.trim() === '') return notRun('permanent', 'empty run log', 'scripted.empty_log');
  const result = lastResult(text);
  if (result === null) return notRun('permanent', 'no result JSON', 'scripted.no_result');
  const { summary } = result;
  if (end.exitCode !== 0 || !result.ok)
    return notRun('permanent', summary === '' ? `exit ${end.exitCode}` : summary, 'scripted.failed');
  return {
    ...notRun('success', summary === '' ? 'done' : summary, 'scripted.success'),
    usage: { ...NO_USAGE, turns: 1, costUsd: 0 },
    realAnswer: true,
    answer: summary,
  };
}

const resultLine = z.object({
  type: z.literal('result'),
  ok: z.boolean().default(false),
  summary: z.string().default(''),
});

function lastResult(text: string): z.infer<typeof resultLine> | null {
  for (const line of text.trimEnd().split('\n').reverse()) {
    try {
      const parsed = resultLine.safeParse(JSON.parse(line));
      if (parsed.success) return parsed.data;
    } catch {
      // not a line of JSON: the script's own output
    }
  }
  return null;
}

async function tail(path: string): Promise<string | null> {
  const file = await open(path).catch(() => null);
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
