import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { readerOfKind, searchPathOf } from '../app.ts';
import { processConfig, processEnvironment } from '../config/process.ts';
import { AppError } from '../core/errors.ts';
import type { StoppedBy } from '../core/failure.ts';
import { wholeNumber } from './actions.ts';
import { options, output } from './context.ts';

const STOPPED_BY: Readonly<Record<string, StoppedBy>> = {
  orchestrator_cancel: 'cancel',
  orchestrator_timeout: 'timeout',
  orchestrator_stall: 'stall',
  outside: 'outside',
};

/** Judgement alone, without a server: a recorded run, a home's sign-in. */
export function registerJudgeCommands(program: Command): void {
  program
    .command('verdict')
    .description('judge a recorded run by its logs and its end')
    .requiredOption('--agent <kind>', 'CLI kind')
    .requiredOption('--stdout <file>', 'its standard output')
    .option('--stderr <file>', 'its standard error')
    .addOption(new Option('--exit-code <n>', 'exit code').argParser(wholeNumber).conflicts('signal'))
    .option('--signal <name>', 'signal that ended it, such as SIGKILL')
    .addOption(new Option('--stopped-by <who>', 'who stopped it').choices(Object.keys(STOPPED_BY)))
    .option('--started-at <iso>', 'when it started; reset times are relative to it')
    .option('--time-zone <zone>', 'zone it ran in', 'UTC')
    .option(
      '--commits-added <n>',
      'what the repository looked like after (does not change the verdict)',
      wholeNumber,
    )
    .option('--dirty', 'the work tree was dirty after (does not change the verdict)')
    .action(async (_o, command: Command) => {
      const o = options<{
        agent: string;
        stdout: string;
        stderr?: string;
        exitCode?: number;
        signal?: string;
        stoppedBy?: string;
        startedAt?: string;
        timeZone: string;
      }>(command);
      const startedAt = o.startedAt === undefined ? Date.now() : Date.parse(o.startedAt);
      if (Number.isNaN(startedAt))
        throw new AppError(`--started-at ${o.startedAt ?? ''} is not a time`, {
          code: 'usage.started_at',
          hint: 'such as 2026-01-31T12:00:00Z',
        });
      checkZone(o.timeZone);
      const reader = await readerOfKind(o.agent, searchPathOf(processEnvironment()));
      const judgement = await reader.judge({
        stdoutPath: resolve(o.stdout),
        stderrPath: o.stderr === undefined ? null : resolve(o.stderr),
        end: {
          exitCode: o.signal === undefined ? (o.exitCode ?? 0) : null,
          signal: o.signal ?? null,
          stoppedBy: o.stoppedBy === undefined ? null : (STOPPED_BY[o.stoppedBy] ?? null),
          vanished: false,
        },
        startedAt,
        timeZone: o.timeZone,
      });
      const out = output(command);
      out.text(`${judgement.verdict}: ${judgement.reason}\n  rule ${judgement.rule}`);
      out.object({
        schema: 'orch.verdict/1',
        verdict: judgement.verdict,
        reason: judgement.reason,
        rule: judgement.rule,
        resetAt: isoOrNull(judgement.resetAt),
        retryAfterSeconds: judgement.retryAfterMs === null ? null : judgement.retryAfterMs / 1000,
        usage: judgement.usage,
        resultOk: judgement.resultOk,
        denials: judgement.denials,
        unknownShape: judgement.unknownShape,
      });
    });

  program
    .command('signin')
    .description('judge the sign-in of an agent home, from files only')
    .requiredOption('--agent <kind>', 'CLI kind')
    .requiredOption('--home <dir>', 'HOME of the agent')
    .option('--env <k=v...>', 'environment of the agent')
    .action(async (_o, command: Command) => {
      const o = options<{ agent: string; home: string; env?: string[] }>(command);
      const home = resolve(o.home);
      await access(home).catch(() => {
        throw new AppError(`--home ${home} cannot be read`, {
          code: 'usage.home',
          hint: 'name an existing folder this user may read',
        });
      });
      const reader = await readerOfKind(o.agent, searchPathOf(processEnvironment()));
      const signIn = await reader.signIn(
        { id: 'signin', home, bin: o.agent, env: environment(o.env ?? []) },
        { now: Date.now(), expirySkewMs: expirySkew() },
      );
      const out = output(command);
      out.text(`${signIn.state}: ${signIn.detail}`);
      out.object({
        schema: 'orch.signin/1',
        state: signIn.state,
        source: signIn.source,
        expiresAt: isoOrNull(signIn.expiresAt),
        detail: signIn.detail,
      });
    });
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function expirySkew(): number {
  try {
    return processConfig().config.preflight.expirySkewMs;
  } catch {
    return 60_000; // a broken orch.yaml does not matter to a home given by hand
  }
}

function environment(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at <= 0)
        throw new AppError(`--env ${pair.slice(0, 20)} is not NAME=value`, {
          code: 'usage.env',
          hint: '--env NAME=value',
        });
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function checkZone(zone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
  } catch {
    throw new AppError(`--time-zone ${zone} is not known`, {
      code: 'usage.time_zone',
      hint: 'an IANA name such as Europe/Berlin',
    });
  }
}
