import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ModelRequest, ToolUse } from '../fakes/fake-anthropic/scenario.ts';
import { type InstallOptions, type Installation, install } from './orch.ts';

export const FAKE_KEY = 'sk-ant-api03-FAKE';
export const FAKE_TOKEN = 'sk-ant-oat01-FAKE';

export interface RealOptions extends Pick<InstallOptions, 'pipeline' | 'env'> {
  readonly bin: string;
  /** Of the scripted API. */
  readonly url: string;
  /** The account's credential; none: signed out. Default: a made-up API key. */
  readonly credential?: Readonly<Record<string, string>>;
  /** Files of the base branch, beside the harness's own. */
  readonly files?: Readonly<Record<string, string>>;
}

/** An installation whose account is the real CLI, with a home, a credential and an API that are made up. */
export function installReal(options: RealOptions): Installation {
  const here = install({ bin: options.bin, ...(options.env === undefined ? {} : { env: options.env }) });
  here.signIn(null);
  if (options.files !== undefined) commitToBase(here, options.files);
  const account = {
    agent: 'claude-code',
    home: here.agentHome,
    bin: options.bin,
    env: { ANTHROPIC_BASE_URL: options.url, ...(options.credential ?? { ANTHROPIC_API_KEY: FAKE_KEY }) },
  };
  // JSON is YAML.
  here.writeConfig(`accounts:
  claude-a: ${JSON.stringify(account)}
projects:
  p:
    repo: ${here.repository}
    tracker: { kind: local }
    forge: { kind: local }
    accounts: [claude-a]
    pipeline:
${options.pipeline ?? '      - { stage: development, agent: developer, tools: write }'}
`);
  return here;
}

function commitToBase(here: Installation, files: Readonly<Record<string, string>>): void {
  const clone = mkdtempSync(join(here.root, 'base-'));
  const env = { PATH: process.env['PATH'] ?? '', HOME: here.root };
  const who = ['-c', 'user.name=T', '-c', 'user.email=t@localhost'];
  const git = (...args: string[]) => execFileSync('git', [...who, ...args], { cwd: clone, env, stdio: 'ignore' });
  git('clone', '-q', here.repository, '.');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(clone, dirname(path)), { recursive: true });
    writeFileSync(join(clone, path), text);
  }
  git('add', '-A', '-f');
  git('commit', '-q', '-m', 'More files');
  git('push', '-q', 'origin', 'HEAD:main');
  rmSync(clone, { recursive: true });
}

export function bash(command: string): ToolUse {
  return { name: 'Bash', input: { command, description: 'Next step' } };
}

/** Hands in by a shell, which knows the run from its environment. */
export function handInByBash(outcome: string): string {
  return `printf '{"schema":"orch.verdict/1","run":"%s","outcome":"${outcome}","summary":"As asked."}' "$ORCH_RUN_ID" > .orch-work/verdict.json`;
}

/** What the prompt says about the run, newest first where a session was resumed. */
export function promptedRun({ said }: ModelRequest): string {
  return [...said.matchAll(/(?:Run: |This is now run )(run_\d+)/g)].at(-1)?.[1] ?? 'no run in the prompt';
}

/** The CLI's own process in a run, told by its binary and the run's id in its environment; null when there is none. */
export function cliProcess(here: Installation, bin: string, run: string): number | null {
  const binary = realpathSync(bin);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/exe`) !== binary) continue;
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (environment.includes(`ORCH_RUN_ID=${run}`) && environment.includes(`HOME=${here.agentHome}`)) return Number(pid);
    } catch {
      // gone, or not ours to read
    }
  }
  return null;
}
