import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Judgement, ProcessEnd } from '../core/failure.ts';
import type { SignIn } from '../core/sign-in.ts';
import type { AgentAccount, AgentReader } from './agent.ts';

/** A Sunday, in UTC. */
export const RUN_STARTED_AT = Date.UTC(2026, 10, 22, 9, 0, 0);

export interface GivenRun {
  readonly stdout?: string | readonly object[];
  readonly stderr?: string;
  readonly end?: Partial<ProcessEnd>;
  readonly timeZone?: string;
}

/** Judges a run by its output as given; a list of objects is printed as JSON Lines. Exit code 1 unless said otherwise. */
export async function judgeRun(agent: AgentReader, given: GivenRun): Promise<Judgement> {
  const folder = await mkdtemp(join(tmpdir(), 'orch-judge-'));
  try {
    const { stdout = '', stderr = '', end = {}, timeZone = 'UTC' } = given;
    const text =
      typeof stdout === 'string' ? stdout : stdout.map((event) => `${JSON.stringify(event)}\n`).join('');
    await writeFile(join(folder, 'stdout.log'), text);
    await writeFile(join(folder, 'stderr.log'), stderr);
    return await agent.judge({
      stdoutPath: join(folder, 'stdout.log'),
      stderrPath: join(folder, 'stderr.log'),
      end: { exitCode: 1, signal: null, stoppedBy: null, vanished: false, ...end },
      startedAt: RUN_STARTED_AT,
      timeZone,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Files of a home by their path in it; objects are written as JSON. */
export type Files = Readonly<Record<string, string | object>>;

/** Gives a home with these files to the work, and takes it away afterwards. */
export async function inHome<T>(
  files: Files,
  env: Readonly<Record<string, string>>,
  work: (account: AgentAccount) => Promise<T>,
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'orch-home-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(home, path)), { recursive: true });
      await writeFile(join(home, path), typeof content === 'string' ? content : JSON.stringify(content));
    }
    const filled = Object.entries(env).map(
      ([name, value]) => [name, value.replace('${HOME}', home)] as const,
    );
    return await work({ id: 'a', home, bin: 'cli', env: Object.fromEntries(filled) });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Judges the sign-in of such a home at `RUN_STARTED_AT`. */
export function signInOf(
  agent: AgentReader,
  files: Files,
  env: Readonly<Record<string, string>> = {},
): Promise<SignIn> {
  return inHome(files, env, (account) =>
    agent.signIn(account, { now: RUN_STARTED_AT, expirySkewMs: 60_000 }),
  );
}
