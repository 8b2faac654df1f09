import { cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunWire, TaskWire } from '../../src/http/contract.ts';
import { startTelegram } from '../../test/fakes/telegram.ts';
import { handIn, type Installation, install, waitFor } from '../../test/support/orch.ts';

/** What the API has answered with: from then on a promise, whatever is killed. */
export interface Acknowledged {
  /** Titles by key. */
  readonly tasks: Map<string, string>;
  readonly done: Set<string>;
  /** Verdicts of ended runs by id. */
  readonly runs: Map<string, string>;
  /** Approved heads by key. */
  readonly approvals: Map<string, string>;
}

export interface Load {
  readonly here: Installation;
  readonly projects: readonly string[];
  readonly acknowledged: Acknowledged;
  readonly telegram: Awaited<ReturnType<typeof startTelegram>>;
  /** The bare repository of a project. */
  repositoryOf(project: string): string;
  /** There while somebody pushes to one of the repositories. */
  readonly pushing: string;
  /** Ids of runs in the order in which an agent began them; one that began twice is there twice. */
  readonly begun: string;
  /** Milliseconds that the service's clock is ahead of ours; the service reads it ten times a second. */
  readonly clock: string;
  /** Environment of the service. */
  readonly env: Readonly<Record<string, string>>;
  /** Submits work items until so many are not done. An answer that got lost is asked for again. */
  topUp(open: number): Promise<void>;
  open(): string[];
  remove(): Promise<void>;
}

const LOOK_MS = 120;
/** More than are open at a time. */
const LOOK_AT = 100;
/** A prompt is read at once: an older folder of a call is no longer looked at. */
const CALL_KEPT_MS = 10_000;
const LONG_ENOUGH = '100000';

/**
 * One installation under load: projects with a repository each, work items that walk development, review and
 * deploy (half of the projects ask for an approval, and get it), and a chat that is told. Agents are real
 * processes that work for up to 2.6 s; every third leaves a child behind that does not want to die.
 */
export async function openLoad(count: number, wildChildren: boolean): Promise<Load> {
  const telegram = await startTelegram();
  const here = install({
    env: {
      ORCH_MAX_CONCURRENCY: '4',
      // Killed again and again, nothing is to fail for good by a budget: whatever does, fails for another reason.
      ORCH_MAX_ATTEMPTS: '100',
      ORCH_MAX_LOST_ATTEMPTS: '1000',
      ORCH_MAX_TRANSIENT_ATTEMPTS: '1000',
      ORCH_BREAKER_THRESHOLD: '1000',
      ORCH_BACKOFF_MAX_SECONDS: '2',
      ORCH_TELEGRAM_BOT_TOKEN: '123:fake',
      ORCH_TELEGRAM_CHAT_ID: '1',
      ORCH_TELEGRAM_API_URL: telegram.url,
    },
  });
  const projects = Array.from({ length: count }, (_, i) => `p${i}`);
  const repositoryOf = (project: string) => join(here.root, `${project}.git`);
  const [plan, pushing, begun, clock] = ['plan', 'pushing', 'begun', 'clock'].map((name) =>
    join(here.root, name),
  ) as [string, string, string, string];
  for (const project of projects) {
    cpSync(here.repository, repositoryOf(project), { recursive: true });
    // A push that takes a while, so that it can be met.
    writeFileSync(
      join(repositoryOf(project), 'hooks', 'pre-receive'),
      `#!/bin/sh\ntouch ${pushing}\nsleep 0.2\nrm -f ${pushing}\n`,
      { mode: 0o755 },
    );
  }
  here.writeConfig(configOf(here, plan, projects, repositoryOf));
  here.scene(0, scene(here.root, begun, wildChildren));
  writeFileSync(begun, '');
  writeFileSync(clock, '0');
  const preload = join(here.root, 'clock.mjs');
  writeFileSync(preload, shiftedClock(clock));

  const acknowledged: Acknowledged = {
    tasks: new Map(),
    done: new Set(),
    runs: new Map(),
    approvals: new Map(),
  };
  const submitted: { key: string; title: string; project: string }[] = [];
  const watching = new AbortController();
  const watcher = watch(here, acknowledged, watching.signal);
  const open = () => submitted.map(({ key }) => key).filter((key) => !acknowledged.done.has(key));

  return {
    ...{ here, projects, acknowledged, telegram, repositoryOf, pushing, begun, clock, open },
    env: { ORCH_NODE_OPTIONS: `--import ${preload}` },
    async topUp(wanted) {
      forgetCalls(plan);
      while (open().length < wanted) {
        const n = submitted.length + 1;
        submitted.push({
          key: `K-${n}`,
          title: `Change ${n}`,
          project: projects[n % projects.length] ?? '',
        });
      }
      for (const { key, title, project } of submitted) {
        if (acknowledged.tasks.has(key)) continue;
        const answer = await here
          .post<{ task: TaskWire }>('/items', { project, key, title })
          .catch(() => null);
        if (answer !== null && 'task' in answer) acknowledged.tasks.set(key, title);
      }
    },
    async remove() {
      watching.abort();
      await watcher;
      await here.remove();
      await telegram.close();
    },
  };
}

/** Sees through the API what has ended, and approves what waits for it; the service may be away at any time. */
async function watch(here: Installation, seen: Acknowledged, signal: AbortSignal): Promise<void> {
  const from = { run: 0, task: 0 };
  while (!signal.aborted) {
    await look(here, seen, from).catch(() => undefined); // it was killed meanwhile
    await sleep(LOOK_MS);
  }
}

/** `from` is what comes before the first that has not ended. */
async function look(
  here: Installation,
  seen: Acknowledged,
  from: { run: number; task: number },
): Promise<void> {
  const { runs } = await here.get<{ runs: RunWire[] }>(`/runs?limit=${LOOK_AT}&after=${from.run}`);
  for (const run of runs)
    if (run.verdict !== null && !seen.runs.has(run.id)) seen.runs.set(run.id, run.verdict);
  for (const run of runs) {
    if (run.verdict === null) break;
    from.run = Number(run.id.slice('run_'.length));
  }
  const { tasks } = await here.get<{ tasks: TaskWire[] }>(`/tasks?limit=${LOOK_AT}&after=${from.task}`);
  for (const task of tasks) if (task.status === 'done') seen.done.add(task.key);
  for (const task of tasks) {
    if (task.status !== 'done') break;
    from.task = task.id;
  }
  for (const task of tasks) {
    if (task.reason?.code !== 'approval.pending' || task.head === null) continue;
    const answer = await here.post<object>('/approve', { target: task.key, commit: task.head });
    if (!('code' in answer)) seen.approvals.set(task.key, task.head);
  }
}

/** Waits until every work item is done; what was left when patience ended. */
export async function drained(load: Load, patienceMs: number): Promise<string[]> {
  await waitFor(async () => {
    await load.topUp(0);
    return load.open().length === 0;
  }, patienceMs).catch(() => undefined); // the caller tells what is left
  return load.open();
}

/** The fake CLI counts its calls from one by folders: thousands of them would be its main work. */
function forgetCalls(plan: string): void {
  for (const name of readdirSync(plan)) {
    if (!name.startsWith('call-')) continue;
    const folder = join(plan, name);
    if (Date.now() - statSync(folder).mtimeMs > CALL_KEPT_MS)
      rmSync(folder, { recursive: true, force: true });
  }
}

function scene(root: string, begun: string, wildChildren: boolean): string {
  const wild = `( setsid env -i sh -c 'sleep ${LONG_ENOUGH}' ${root} & ) &`;
  return `prompt="$FAKE_PLAN/call-$n/prompt"
echo "$ORCH_RUN_ID" >>${begun}
name=$(sed -n 's/^## Work item [^:]*: Change //p' "$prompt")
echo working
case $(($$ % 3)) in 0) ( setsid sleep ${LONG_ENOUGH} & ) & ${wildChildren ? wild : ''} ;; esac
sleep $((1 + $$ % 3)).$(($$ % 7))
if grep -q '^You are the reviewer' "$prompt"; then
${handIn({ outcome: 'approve' })}
else
${handIn({ outcome: 'done' }, `echo "$name" >"src/change-$name.js"`)}
fi
`;
}

function configOf(
  here: Installation,
  plan: string,
  projects: readonly string[],
  repositoryOf: (project: string) => string,
): string {
  const one = (project: string, i: number) => `  ${project}:
    repo: ${repositoryOf(project)}
    accounts: [claude-a]
    max_concurrency: 2
    pipeline:
      - { stage: development, agent: developer, tools: write }
      - { stage: review, agent: reviewer, tools: read }
      - { stage: deploy, kind: deploy, approval: ${i % 2 === 0 ? 'none' : 'required'} }
`;
  return `accounts:
  claude-a: { agent: claude-code, home: ${here.agentHome}, bin: ${join(here.root, 'claude')}, slots: 4, env: { FAKE_PLAN: "${plan}" } }
projects:
${projects.map(one).join('')}`;
}

/** Loaded by the service before all else: its clock is ours, moved by what a file says. */
function shiftedClock(file: string): string {
  mkdirSync(join(file, '..'), { recursive: true });
  return `import { readFileSync } from 'node:fs';
const Real = Date;
let ahead = 0;
const read = () => { try { ahead = Number(readFileSync(${JSON.stringify(file)}, 'utf8')) || 0; } catch {} };
read();
setInterval(read, 100).unref();
globalThis.Date = class Date extends Real {
  constructor(...given) { if (given.length === 0) super(Real.now() + ahead); else super(...given); }
  static now() { return Real.now() + ahead; }
};
`;
}
