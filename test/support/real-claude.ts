import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { AccountWire, JobWire, RunWire, TaskDetailWire } from '../../src/http/contract.ts';
import type { ModelRequest, Reply, ToolUse } from '../fakes/fake-anthropic/scenario.ts';
import type { FakeAnthropic } from '../fakes/fake-anthropic/server.ts';
import { type Installation, type InstallOptions, install, waitFor } from './orch.ts';

const FAKE_KEY = 'sk-ant-api03-FAKE';
export const FAKE_TOKEN = 'sk-ant-oat01-FAKE';

const PATIENCE_MS = 40_000;

export interface RealOptions extends Pick<InstallOptions, 'env'> {
  readonly bin: string;
  readonly api: FakeAnthropic;
  readonly pipeline?: string;
  /** Further keys of the project, as in orch.yaml. */
  readonly project?: Readonly<Record<string, unknown>>;
  /** What the account signs in with. Default: a made-up API key. */
  readonly credential?: Readonly<Record<string, string>>;
}

/** An installation whose account is the real CLI, with a home, a credential and an API that are made up. */
export interface RealInstallation extends Installation {
  /** Changes what the account signs in with, as a person would: in orch.yaml. */
  credential(variables: Readonly<Record<string, string>>): void;
  /** Puts a work item on the board; its key. */
  submit(): Promise<string>;
  /** Waits until the first job of a task is as wanted. */
  jobWhere(key: string, wanted: (job: JobWire) => boolean): Promise<JobWire>;
  taskWhere(key: string, wanted: (task: TaskDetailWire) => boolean): Promise<TaskDetailWire>;
  account(): Promise<AccountWire | undefined>;
  /** Oldest first. */
  attempts(): Promise<RunWire[]>;
  /** A file of the task's worktree. */
  worktree(key: string, file: string): string;
  /** A file of a run's directory, as text. */
  runFile(run: string, file: string): string;
}

export function installReal({ bin, api, pipeline, project, env, credential }: RealOptions): RealInstallation {
  const here = install({ bin, ...(env === undefined ? {} : { env }) });
  here.signIn(null);
  const lookInto = async (key: string) => ({
    task: await here.task(key),
    model: api.requests().map(({ kind, replied }) => `${kind}: ${replied}`),
  });
  const self: RealInstallation = {
    ...here,
    credential(variables) {
      const account = {
        agent: 'claude-code',
        home: here.agentHome,
        bin,
        env: { ANTHROPIC_BASE_URL: api.url, ...variables },
      };
      here.writeConfig(`accounts:
  claude-a: ${JSON.stringify(account)}
projects:
  p:
    repo: ${here.repository}
    tracker: { kind: local }
    forge: { kind: local }
    accounts: [claude-a]
${Object.entries(project ?? {})
  .map(([key, value]) => `    ${key}: ${JSON.stringify(value)}\n`)
  .join('')}    pipeline:
${pipeline ?? '      - { stage: development, agent: developer, tools: write }'}
`);
    },
    submit: () => here.submit('Greet with a comma'),
    jobWhere(key, wanted) {
      const look = async () => (await here.task(key)).jobs.find(wanted) ?? null;
      return waitFor(look, PATIENCE_MS, () => lookInto(key));
    },
    taskWhere(key, wanted) {
      const look = async () => {
        const task = await here.task(key);
        return wanted(task) ? task : null;
      };
      return waitFor(look, PATIENCE_MS, () => lookInto(key));
    },
    attempts: async () => (await here.runs()).toSorted((a, b) => a.attempt - b.attempt),
    account: async () => (await here.accounts())[0],
    worktree: (key, file) => join(here.home, 'worktrees', 'p', key, file),
    runFile: (run, file) => readFileSync(join(here.home, 'runs', run, file), 'utf8'),
  };
  self.credential(credential ?? { ANTHROPIC_API_KEY: FAKE_KEY });
  return self;
}

/** Adds files to the base branch, beside the harness's own, or takes them away (null). */
export function commitToBase(here: Installation, files: Readonly<Record<string, string | null>>): void {
  const clone = mkdtempSync(join(here.root, 'base-'));
  const env = { PATH: process.env['PATH'] ?? '', HOME: here.root };
  const who = ['-c', 'user.name=T', '-c', 'user.email=t@localhost'];
  const git = (...args: string[]) =>
    execFileSync('git', [...who, ...args], { cwd: clone, env, stdio: 'ignore' });
  git('clone', '-q', here.repository, '.');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(clone, dirname(path)), { recursive: true });
    if (text === null) rmSync(join(clone, path));
    else writeFileSync(join(clone, path), text);
  }
  git('add', '-A', '-f');
  git('commit', '-q', '-m', 'More files');
  git('push', '-q', 'origin', 'HEAD:main');
  rmSync(clone, { recursive: true });
}

/** The model ends its turn. */
export const END: Reply = { text: 'All done.' };

export function bash(command: string): ToolUse {
  return { name: 'Bash', input: { command, description: 'Next step' } };
}

/** The model runs commands, commits what they left and hands in; a shell knows the run from its environment. */
export function commits(...commands: string[]): Reply {
  const handIn = `printf '{"schema":"orch.verdict/1","run":"%s","outcome":"done"}' "$ORCH_RUN_ID" > .orch-work/verdict.json`;
  return { tool_use: bash([...commands, 'git add -A -f', 'git commit -q -m Change', handIn].join(' && ')) };
}

/** The model hands in without a shell, as a reviewer must: it knows the run from its prompt. */
export function approves(path: string): (request: ModelRequest) => Reply {
  return judges(path, { outcome: 'approve' });
}

/** The same with any outcome, such as `request_changes` and its findings. */
export function judges(path: string, verdict: object): (request: ModelRequest) => Reply {
  return ({ told }) => {
    const run = /This is now run (run_\d+)|Run: (run_\d+)/.exec(told)?.slice(1).find(Boolean) ?? 'not told';
    const content = JSON.stringify({ schema: 'orch.verdict/1', run, ...verdict });
    return { tool_use: { name: 'Write', input: { file_path: path, content } } };
  };
}

/** The CLI's own process in a run, told by its binary and its environment; null when there is none. */
export function cliProcess(here: Installation, bin: string, run: string): number | null {
  const binary = realpathSync(bin);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/exe`) !== binary) continue;
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (environment.includes(`ORCH_RUN_ID=${run}`) && environment.includes(`HOME=${here.agentHome}`))
        return Number(pid);
    } catch {
      // gone, or not ours to read
    }
  }
  return null;
}
