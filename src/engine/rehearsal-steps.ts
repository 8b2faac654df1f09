import { access, constants, lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '../core/errors.ts';
import { accountFor } from '../core/task.ts';
import { commandSpec, type Surroundings, setUp, tearDown } from '../launcher/project-commands.ts';
import { runStep } from '../launcher/step.ts';
import { assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import type { StageSettings } from '../stages/stage.ts';
import { copyFiles } from '../workspace/copied-files.ts';
import type { PreparedClone, Workspace } from '../workspace/workspace.ts';
import { commandHome, projectVariables } from './environment.ts';
import type { RuntimeAccount, RuntimeProject } from './runtime.ts';

/** The parts of a project and of this machine that a rehearsal works with. */
export interface RehearsalGround {
  /** With folders of its own; its slots are those of the installation. */
  readonly workspace: Workspace;
  readonly worktreesDir: string;
  readonly runDirectory: string;
  readonly project: Pick<
    RuntimeProject,
    | 'rules'
    | 'pipelines'
    | 'repository'
    | 'base'
    | 'setup'
    | 'teardown'
    | 'checks'
    | 'env'
    | 'envFile'
    | 'copy'
    | 'artefacts'
    | 'reports'
    | 'trace'
  >;
  readonly accounts: ReadonlyMap<string, Pick<RuntimeAccount, 'agent' | 'account'>>;
  readonly expirySkewMs: number;
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Aborting it ends the commands; what was set up is still torn down. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

export interface Found {
  readonly state: 'ok' | 'warning' | 'error';
  /** One line, then what a command or a remote said. */
  readonly detail: string;
  readonly fix: string | null;
}

/** What earlier steps made for later ones. */
export interface Stage extends RehearsalGround {
  readonly mark: string;
  base: string;
  clones: readonly PreparedClone[];
  surroundings: Surroundings | null;
  /** Files that were named as left behind: each is named once. */
  readonly named: Set<string>;
}

export interface Step {
  readonly name: string;
  readonly needs: readonly string[];
  run(stage: Stage): AsyncGenerator<Found>;
}

const LAST_LINES = 12;
const NAMED_FILES = 5;

/** In the order a task needs them. */
export const STEPS: readonly Step[] = [
  { name: 'clone', needs: [], run: clone },
  { name: 'base', needs: ['clone'], run: base },
  { name: 'files', needs: [], run: files },
  { name: 'worktrees', needs: ['base', 'files'], run: worktrees },
  { name: 'setup', needs: ['worktrees'], run: setup },
  { name: 'checks', needs: ['setup'], run: checks },
  { name: 'teardown', needs: ['worktrees'], run: teardown },
  { name: 'push', needs: ['base'], run: push },
  { name: 'accounts', needs: [], run: accounts },
];

/** An error as a finding; its hint is the fix. */
export function problem(error: unknown): Found {
  const fix = error instanceof AppError && error.hint !== undefined ? error.hint : 'orch doctor';
  return { state: 'error', detail: messageOf(error), fix };
}

function ok(detail: string): Found {
  return { state: 'ok', detail, fix: null };
}

async function* clone(stage: Stage): AsyncGenerator<Found> {
  const { repository } = stage.project;
  const found = await stage.workspace.fetch(repository).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'workspace.base_missing') return '';
    throw error;
  });
  stage.base = found;
  yield ok(`${repository.url} can be read`);
}

async function* base(stage: Stage): AsyncGenerator<Found> {
  const { repository } = stage.project;
  // Asked again where it was missing: the error names the branches there are.
  if (stage.base === '') stage.base = await stage.workspace.fetch(repository);
  yield ok(`${repository.base} is at ${stage.base.slice(0, 7)}`);
}

async function* files(stage: Stage): AsyncGenerator<Found> {
  const { project } = stage;
  const key = project.repository.project;
  const unreadable: Found[] = [];
  for (const { from } of project.copy)
    await access(from, constants.R_OK).catch((error: unknown) => {
      const fix = `put the file there, or correct projects.${key}.workspace.copy`;
      unreadable.push({ state: 'error', detail: `cannot read ${from}: ${messageOf(error)}`, fix });
    });
  const env = await projectVariables(project).catch((error: unknown) => {
    unreadable.push(problem(error));
    return project.env;
  });
  stage.surroundings = {
    workspace: stage.workspace,
    project: { setup: project.setup, teardown: project.teardown, env },
    baseEnv: { ...stage.baseEnv, HOME: await commandHome(stage.worktreesDir, key) },
    run: { id: 0, directory: join(stage.runDirectory, '1') },
    signal: stage.signal,
  };
  yield* unreadable;
  if (unreadable.length > 0) return;
  const names = [...project.copy.map(({ to }) => to), ...(project.envFile === null ? [] : ['env_file'])];
  yield ok(names.length === 0 ? 'nothing to copy, no env_file' : `${names.join(', ')} can be read`);
}

async function* worktrees(stage: Stage): AsyncGenerator<Found> {
  const { workspace, project } = stage;
  stage.clones = await Promise.all(
    [1, 2].map(async (n) => {
      const made = await workspace.prepare(project.repository, {
        key: `check-${stage.mark}-${n}`,
        branch: null,
        startPoint: stage.base,
      });
      await copyFiles(project.copy, made.path);
      return made;
    }),
  );
  const slots = await Promise.all(stage.clones.map(({ path }) => workspace.variables(path)));
  const [one, two] = slots.map((slot) => `slot ${slot['ORCH_SLOT']} (ports from ${slot['ORCH_PORT_BASE']})`);
  yield ok(`two at once: ${one} and ${two}`);
}

/** What a repository that has this file needs before anything runs in it. */
const MANIFESTS = [
  {
    file: 'package.json',
    locks: ['package-lock.json', 'npm-shrinkwrap.json', 'yarn.lock', 'pnpm-lock.yaml', 'bun.lock'],
    setup: 'npm ci',
  },
  { file: 'composer.json', locks: ['composer.lock'], setup: 'composer install' },
  { file: 'Gemfile', locks: ['Gemfile.lock'], setup: 'bundle install' },
  { file: 'pyproject.toml', locks: [], setup: 'uv sync' },
] as const;

async function* setup(stage: Stage): AsyncGenerator<Found> {
  const { project, clones } = stage;
  const key = project.repository.project;
  for (const { file, locks, setup: command } of MANIFESTS) {
    const has = (name: string) => isThere(clones[0], name);
    if (!(await has(file))) continue;
    if (project.setup.length === 0)
      yield {
        state: 'warning',
        detail: `${file} is there, but no setup: nothing installs its dependencies`,
        fix: `set projects.${key}.workspace.setup, such as ["${command}"]`,
      };
    if (locks.length > 0 && !(await Promise.all(locks.map(has))).includes(true))
      yield {
        state: 'warning',
        detail: `${file} is there, but no lockfile: worktrees may differ, and a change is not noticed`,
        fix: `commit ${locks[0]} to ${project.base}`,
      };
  }
  if (project.setup.length === 0) return yield ok('no setup commands');
  const failures = await Promise.all(
    clones.map((each, i) => setUp(surroundingsOf(stage, i), { ...each, created: true })),
  );
  const failed = failures.find((each) => each !== null);
  if (failed !== undefined) {
    const both = failures.every((each) => each !== null);
    return yield {
      state: 'error',
      detail: `${headOf(failed.text)}${both ? '' : ', in one of the two worktrees only'}${tailOf(failed.output)}`,
      fix: both
        ? `correct projects.${key}.workspace.setup; it runs in a fresh clone, with an empty HOME and none of your own environment`
        : 'let setup use ORCH_SLOT, ORCH_PORT_BASE and COMPOSE_PROJECT_NAME: worktrees are set up at once',
    };
  }
  yield ok(`${project.setup.join(', ')}: in both at the same time`);
  yield* leftBehind(stage, 'setup');
}

async function* checks(stage: Stage): AsyncGenerator<Found> {
  const { project } = stage;
  const key = project.repository.project;
  const stages = stagesOf(project).filter((each) => each.kind === 'agent' && each.tools === 'write');
  const commands = [...new Set([...project.checks, ...stages.flatMap((each) => each.checks ?? [])])];
  if (commands.length === 0)
    return yield {
      state: stages.length > 0 ? 'warning' : 'ok',
      detail: "no checks: only the agent's word says that its work is right",
      fix: stages.length > 0 ? `set projects.${key}.checks, such as ["npm test"]` : null,
    };
  const path = stage.clones[0]?.path ?? '';
  for (const [i, command] of commands.entries()) {
    if (stage.signal.aborted) return;
    const spec = await commandSpec(surroundingsOf(stage, 0), path, `check-${i + 1}`, command);
    const { exit, outputTail } = await runStep(spec);
    if (exit.exitCode === 0) yield ok(`${command}: green on ${project.base}`);
    else
      yield {
        state: 'error',
        detail: `${command}: red on ${project.base} (exit ${exit.exitCode ?? exit.signal ?? 'none'})${tailOf(outputTail)}`,
        fix: `mend ${project.base}, add what is missing to projects.${key}.workspace.setup, or drop the check`,
      };
    yield* leftBehind(stage, command);
  }
}

/** Not stopped by an interruption: what setup started would stay behind. */
async function* teardown(stage: Stage): AsyncGenerator<Found> {
  const { project } = stage;
  if (stage.clones.length === 0) return;
  if (project.teardown.length === 0) return yield ok('no teardown commands');
  const { signal } = new AbortController();
  const failed = await Promise.all(
    stage.clones.map(({ path }, i) => tearDown({ ...surroundingsOf(stage, i), signal }, path)),
  );
  const [first] = failed.flat();
  if (first === undefined) return yield ok(`${project.teardown.join(', ')}: in both`);
  yield {
    state: 'error',
    detail: `${headOf(first)}${tailOf(first.slice(headOf(first).length))}`,
    fix: `correct projects.${project.repository.project}.workspace.teardown; it must also work after half a setup`,
  };
}

async function* push(stage: Stage): AsyncGenerator<Found> {
  const branch = `orch/check-${stage.mark}`;
  const { left } = await stage.workspace.tryPush(stage.project.repository, branch);
  yield left === null
    ? ok(`${branch} was pushed and deleted again`)
    : {
        state: 'warning',
        detail: `${branch} was pushed, but could not be deleted again: ${left}`,
        fix: `delete ${branch} at the remote`,
      };
}

/** Those of every pipeline a task may walk. */
function stagesOf(project: Stage['project']): readonly StageSettings[] {
  return project.pipelines.flatMap(({ stages }) => stages);
}

async function* accounts(stage: Stage): AsyncGenerator<Found> {
  const { rules, repository } = stage.project;
  const stages = stagesOf(stage.project).filter((each) => each.kind === 'agent');
  const named = stages.map((each) => ({ stage: each.stage, account: accountFor(each, rules) }));
  const without = named.filter(({ account }) => account === null).map((each) => each.stage);
  if (without.length > 0)
    yield {
      state: 'error',
      detail: `no account for ${without.join(', ')}`,
      fix: `set projects.${repository.project}.accounts`,
    };
  const ids = new Set([...rules.accounts, ...named.flatMap(({ account }) => account ?? [])]);
  for (const id of ids) {
    const found = stage.accounts.get(id);
    if (found === undefined)
      yield { state: 'error', detail: `there is no account ${id}`, fix: `add accounts.${id}` };
    else yield await account(stage, id, found).catch(problem);
  }
  if (stages.length === 0 && ids.size === 0) yield ok('no stage needs one');
}

async function account(
  stage: Stage,
  id: string,
  { agent, account: home }: Pick<RuntimeAccount, 'agent' | 'account'>,
): Promise<Found> {
  const version = await agent.version(home);
  const signIn = await agent.signIn(home, { now: stage.clock(), expirySkewMs: stage.expirySkewMs });
  if (signIn.state === 'logged_out' || signIn.state === 'login_needed')
    return { state: 'error', detail: `${id}: ${signIn.detail}`, fix: agent.loginCommand(home) };
  return {
    state: signIn.state === 'ready_login_ends_soon' ? 'warning' : 'ok',
    detail: `${id}: ${agent.kind} ${version}, ${signIn.state}`,
    fix: signIn.state === 'ready_login_ends_soon' ? agent.loginCommand(home) : null,
  };
}

/** What a task would commit although no agent wrote it. */
async function* leftBehind(stage: Stage, command: string): AsyncGenerator<Found> {
  const { workspace, project } = stage;
  const { changedPaths } = await workspace.status(project.repository, {
    key: `check-${stage.mark}-1`,
    since: stage.base,
    copied: project.copy.map(({ to }) => to),
  });
  const paths = changedPaths.filter((path) => !stage.named.has(path));
  if (paths.length === 0) return;
  for (const path of paths) stage.named.add(path);
  const more = paths.length - NAMED_FILES;
  const named = `${paths.slice(0, NAMED_FILES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  yield {
    state: 'warning',
    detail: `after ${command} these files differ, and would be committed with an agent's work: ${named}`,
    fix: 'ignore them in .gitignore, or commit them as the command writes them',
  };
}

/** Each worktree's commands keep their output apart. */
function surroundingsOf(stage: Stage, n: number): Surroundings {
  const { surroundings } = stage;
  assert(surroundings !== null, 'the step files made them');
  return { ...surroundings, run: { id: 0, directory: join(stage.runDirectory, String(n + 1)) } };
}

function headOf(text: string): string {
  return text.split('\n')[0] ?? '';
}

/** The last lines of what a command printed, on lines of their own. */
function tailOf(output: string): string {
  const lines = output.trimEnd().split('\n').slice(-LAST_LINES);
  return lines.join('\n').trim() === '' ? '' : `\n${lines.join('\n').replace(/^\n+/, '')}`;
}

async function isThere(made: PreparedClone | undefined, name: string): Promise<boolean> {
  if (made === undefined) return false;
  return lstat(join(made.path, name)).then(
    (stat) => stat.isFile(),
    () => false,
  );
}
