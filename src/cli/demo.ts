import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { loadOptions } from '../config/process.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { RunWire, TaskDetailWire, TaskWire } from '../http/contract.ts';
import type { Client } from './client.ts';
import type { Output } from './output.ts';

const PROJECT = 'demo';
const LANGUAGES = ['Spanish', 'French', 'German', 'Italian', 'Dutch', 'Polish'] as const;
const POLL_MS = 150;

export interface DemoResult {
  readonly schema: 'orch.demo/1';
  readonly task: TaskWire;
  readonly runs: readonly RunWire[];
  readonly seconds: number;
}

/** Adds the demo project to the configuration: a scratch repository and the scripted agent, all under ORCH_HOME/demo. */
export async function prepareDemo(loaded: LoadedConfig): Promise<{ loaded: LoadedConfig; project: string }> {
  const folder = join(loaded.config.home, 'demo');
  await mkdir(join(folder, 'home'), { recursive: true, mode: 0o700 }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new AppError(`cannot make ${folder}: ${error.message}`, {
        code: 'home.read_only',
        hint: 'set ORCH_HOME to a folder this user may write',
      });
    },
  );
  const repository = join(folder, 'demo.git');
  if (!existsSync(repository))
    await makeRepository(folder, repository).catch((error: unknown) => {
      throw new AppError(`cannot make the demo's repository in ${folder}: ${messageOf(error)}`, {
        code: 'home.unusable',
        hint: 'free some disk space, or set ORCH_HOME to another folder',
        cause: error,
      });
    });
  const file = join(folder, 'orch.yaml');
  await writeFile(
    file,
    `# Written by orch up --demo.
accounts:
  demo-agent: { agent: scripted, home: home, bin: ${JSON.stringify(fileURLToPath(new URL('../agents/scripted/demo-agent.mjs', import.meta.url)))} }
projects:
  ${PROJECT}:
    repo: ${JSON.stringify(repository)}
    tracker: { kind: local }
    forge: { kind: local }
    accounts: [demo-agent]
    checks: ["sh check.sh"]
`,
  );
  const demo = loadConfig({ ...loadOptions(), file });
  const { config } = loaded;
  const accounts = [...config.accounts.filter((a) => a.id !== 'demo-agent'), ...demo.config.accounts];
  const projects = [...config.projects.filter((p) => p.key !== PROJECT), ...demo.config.projects];
  return { loaded: { ...loaded, config: { ...config, accounts, projects } }, project: PROJECT };
}

/** A bare repository with one commit, made aside and moved into place whole. */
async function makeRepository(folder: string, repository: string): Promise<void> {
  const scratch = await mkdtemp(join(folder, 'seed-'));
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: scratch,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Demo',
    GIT_AUTHOR_EMAIL: 'demo@localhost',
    GIT_COMMITTER_NAME: 'Demo',
    GIT_COMMITTER_EMAIL: 'demo@localhost',
  };
  const tree = join(scratch, 'tree');
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: tree, env, stdio: ['ignore', 'ignore', 'pipe'] });
  await mkdir(join(tree, 'greetings'), { recursive: true });
  await writeFile(
    join(tree, 'README.md'),
    '# Greetings\n\nOne file per language in greetings/. `sh check.sh` checks them all.\n',
  );
  await writeFile(join(tree, 'greetings', 'english.txt'), 'Hello, {name}!\n');
  await writeFile(
    join(tree, 'check.sh'),
    `for file in greetings/*.txt; do\n  grep -q '{name}' "$file" || { echo "$file does not greet by name: {name} is missing"; exit 1; }\ndone\necho "all greetings are right"\n`,
  );
  await chmod(join(tree, 'check.sh'), 0o755);
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'Greet in English');
  git('clone', '-q', '--bare', tree, join(scratch, 'demo.git'));
  await rename(join(scratch, 'demo.git'), repository);
  await rm(scratch, { recursive: true });
}

/** Puts a work item on the board and follows it to its end over the API, telling each step. */
export async function walkDemo(
  client: Client,
  project: string,
  options: { yes: boolean; out: Output; started: number },
): Promise<DemoResult> {
  const { out } = options;
  const { tasks } = await client.get('/tasks', { query: { project, limit: 1000 } });
  const open = tasks.find((task) => task.status === 'active' || task.status === 'needs_you');
  const { key, title } =
    open ?? (await submit(client, project, LANGUAGES[tasks.length % LANGUAGES.length] ?? 'Spanish'));
  out.progress(`${key}: ${title}. It walks every stage with a scripted agent; no tokens are spent.`);
  const told = new Set<string>();
  for (;;) {
    const { task } = await client.get('/tasks/{key}', { params: { key } });
    tell(task, told, out);
    if (task.status === 'done' || task.status === 'cancelled') return result(task, options.started);
    if (task.reason?.code === 'approval.pending') await decide(client, task, options, told);
    else if (task.status === 'needs_you' && !told.has('stuck')) {
      told.add('stuck');
      out.progress(`  ▲ ${key} needs you: ${task.reason?.detail ?? ''}`);
      if (options.yes) return result(task, options.started);
    }
    await sleep(POLL_MS);
  }
}

async function submit(client: Client, project: string, language: string): Promise<TaskWire> {
  const body = `Add a greeting in ${language}, in the same shape as the English one.`;
  const title = `Greet people in ${language}`;
  return (await client.post('/items', { body: { project, title, body } })).task;
}

function tell(task: TaskDetailWire, told: Set<string>, out: Output): void {
  for (const run of task.runs) {
    const once = `${run.id}:${run.status}`;
    if (told.has(once)) continue;
    told.add(once);
    const stage = task.jobs.find((job) => job.id === run.jobId)?.stage ?? run.agent ?? 'job';
    const name = `${stage}${run.attempt > 1 ? `, attempt ${run.attempt}` : ''}`;
    if (run.status === 'running') out.progress(`  ● ${name}`);
    else if (run.verdict === 'success') out.progress(`  ✓ ${name}`);
    else out.progress(`  ✗ ${name}: ${run.verdict}, ${(run.reason ?? '').split('\n').slice(0, 2).join(' ')}`);
  }
  if (task.status === 'done' && !told.has('done')) {
    told.add('done');
    const pr = task.pr === null ? '' : ` (pull request ${task.pr.number})`;
    out.progress(`  ✓ ${task.key} is merged into main${pr}`);
  }
}

async function decide(
  client: Client,
  task: TaskDetailWire,
  options: { yes: boolean; out: Output },
  told: Set<string>,
): Promise<void> {
  if (told.has('asked')) return;
  told.add('asked');
  const commit = task.head?.slice(0, 7) ?? '';
  const approve = () => client.post('/approve', { body: { target: task.key, commit: task.head } });
  options.out.progress(`  ▲ ${task.stage} of ${task.key} waits for approval, commit ${commit}`);
  if (options.yes) {
    options.out.progress('  ✓ approved (--yes)');
    await approve();
    return;
  }
  if (!process.stdin.isTTY) {
    options.out.progress(`    orch approve ${task.key}`);
    return;
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  void prompt.question(`    Approve the deploy of ${task.key} at ${commit}? [Y/n] `).then(async (answer) => {
    prompt.close();
    if (/^n/i.test(answer.trim()))
      options.out.progress(
        `    Not approved. Later: orch approve ${task.key}, or orch reject ${task.key} --reason "..."`,
      );
    else await approve().catch((error: unknown) => options.out.progress(`    ${messageOf(error)}`)); // decided elsewhere meanwhile
  });
}

function result({ jobs: _jobs, runs, body: _body, ...task }: TaskDetailWire, started: number): DemoResult {
  return { schema: 'orch.demo/1', task, runs, seconds: (Date.now() - started) / 1000 };
}
