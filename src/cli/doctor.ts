import { access, constants, readFile, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import pc from 'picocolors';
import { agentAccountOf, agentOfKind, inspectChat, searchPathOf, vendors } from '../app.ts';
import type { LoadedConfig } from '../config/load.ts';
import { problemLine } from '../config/problems.ts';
import { processConfig, processEnvironment, processHome } from '../config/process.ts';
import { checkAgain } from '../core/destination-gates.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { inBytes } from '../lib/bytes.ts';
import { checkDatabase, databaseGlance, gitVersion, isolationHere } from '../offline.ts';
import { connect } from './client.ts';
import { options, output } from './context.ts';
import { disk } from './doctor-disk.ts';
import type { Finding } from './finding.ts';
import { runningServer } from './home.ts';
import { EXIT, Exit, localTime, MARKS } from './output.ts';
import { vendorGroup } from './vendors.ts';

type Check = (config: LoadedConfig | null) => AsyncGenerator<Finding>;

const DISK_FLOOR_BYTES = 1024 ** 3;
/** A database up to this size is read through within a second or two. */
const READ_WHOLE_BYTES = 256 * 1024 ** 2;
const GROUPS: Readonly<Record<string, Check>> = {
  machine,
  configuration,
  database,
  disk,
  server,
  outbox,
  agents,
  projects,
  ...Object.fromEntries(vendors().map((vendor) => [vendor.kind, (loaded) => vendorGroup(vendor, loaded)])),
  telegram,
};

/** What the checks find, as they find it: of one group, or of all. */
export async function* findings(only: string | null = null): AsyncGenerator<Finding> {
  yield* findingsOf(loadQuietly(), (name) => only === null || only === name);
}

/** The same of a configuration that is not in force yet, say. */
export async function* findingsOf(
  loaded: LoadedConfig | null,
  isWanted: (group: string) => boolean,
): AsyncGenerator<Finding> {
  for (const [name, check] of Object.entries(GROUPS)) if (isWanted(name)) yield* check(loaded);
}

/** Checks the installation in groups; every problem comes with its fix. */
export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check this installation; each problem with its fix')
    .option('--only <group>', Object.keys(GROUPS).join(', '))
    .option('--strict', 'warnings count as errors')
    .action(async (_o, command: Command) => {
      const o = options<{ only?: string; strict?: boolean }>(command);
      const out = output(command);
      const started = performance.now();
      if (o.only !== undefined && GROUPS[o.only] === undefined)
        throw new AppError(`there is no group ${o.only}`, {
          code: 'usage.group',
          hint: `one of ${Object.keys(GROUPS).join(', ')}`,
        });
      const found: Finding[] = [];
      for await (const finding of findings(o.only)) {
        out.text(
          `${found.at(-1)?.group === finding.group ? ' '.repeat(14) : pc.bold(title(finding.group).padEnd(14))}${MARKS[finding.state]} ${finding.text}`,
        );
        if (finding.fix !== null) out.text(`${' '.repeat(16)}fix  ${finding.fix}`);
        found.push(finding);
      }
      const count = (state: Finding['state']) => found.filter((finding) => finding.state === state).length;
      out.text(
        `\n${count('error')} errors, ${count('warning')} warnings, ${count('ok')} passed in ${((performance.now() - started) / 1000).toFixed(1)} s`,
      );
      out.object({
        schema: 'orch.doctor/1',
        findings: found,
        errors: count('error'),
        warnings: count('warning'),
      });
      if (count('error') > 0 || (o.strict === true && count('warning') > 0)) throw new Exit(EXIT.failed);
    });
}

function title(group: string): string {
  return `${group.charAt(0).toUpperCase()}${group.slice(1)}`;
}

function loadQuietly(): LoadedConfig | null {
  try {
    return processConfig();
  } catch {
    return null; // the configuration group tells why
  }
}

async function* machine(loaded: LoadedConfig | null): AsyncGenerator<Finding> {
  const group = 'machine';
  yield { group, state: 'ok', text: `node ${process.versions.node}`, fix: null };
  yield await gitVersion().then(
    (version): Finding => ({ group, state: 'ok', text: version, fix: null }),
    (error: unknown): Finding => ({
      group,
      state: 'error',
      text: messageOf(error),
      fix: error instanceof AppError ? (error.hint ?? null) : null,
    }),
  );
  const isolation = await isolationHere().catch((error: unknown) => ({
    kind: 'none' as const,
    why: messageOf(error),
  }));
  yield isolation.kind === 'pid-namespace'
    ? {
        group,
        state: 'ok',
        text: 'runs are isolated in a PID namespace: nothing a run starts outlives it',
        fix: null,
      }
    : {
        group,
        state: 'warning',
        text: `no PID namespaces (${isolation.why}): a process that hides from its run can outlive it`,
        fix: 'allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, and user.max_user_namespaces above 0)',
      };
  yield {
    group,
    state: 'warning',
    text: 'agents run as this user: they could read what this user can, Orch included',
    fix: 'run agents under a user of their own (docs/INFRA.md, "A separate user")',
  };
  const home = loaded?.config.home ?? processHome();
  const { dbPath, reposDir, worktreesDir, runsDir } = loaded?.config ?? {};
  const folders = [home, dbPath && dirname(dbPath), reposDir, worktreesDir, runsDir];
  const disks = await Promise.all(folders.flatMap((each) => (each ? [statfs(each).catch(() => null)] : [])));
  if (disks[0] === null) yield { group, state: 'skipped', text: `${home} is not there yet`, fix: null };
  else {
    const free = Math.min(...disks.flatMap((each) => (each == null ? [] : [each.bavail * each.bsize])));
    const text = `${(free / 1024 ** 3).toFixed(1)} GB disk free`;
    yield {
      group,
      state: free < DISK_FLOOR_BYTES ? 'error' : 'ok',
      text,
      fix:
        free < DISK_FLOOR_BYTES
          ? 'nothing starts below 1 GB: orch doctor --only disk names what takes it, and what frees it'
          : null,
    };
    yield await access(home, constants.W_OK).then(
      (): Finding => ({ group, state: 'ok', text: `${home} can be written`, fix: null }),
      (): Finding => ({
        group,
        state: 'error',
        text: `${home} cannot be written`,
        fix: 'set ORCH_HOME to a folder this user may write',
      }),
    );
  }
}

async function* configuration(loaded: LoadedConfig | null): AsyncGenerator<Finding> {
  const group = 'configuration';
  if (loaded === null) {
    try {
      processConfig();
    } catch (error) {
      for (const line of messageOf(error).split('\n'))
        if (line.trim() !== '') yield { group, state: 'error', text: line.trim(), fix: null };
    }
    return;
  }
  yield {
    group,
    state: 'ok',
    text:
      loaded.file === null
        ? 'no orch.yaml: defaults only'
        : `${loaded.file}: ${loaded.config.projects.length} projects, ${loaded.config.accounts.length} accounts`,
    fix: loaded.file === null ? 'orch init' : null,
  };
  for (const warning of loaded.warnings)
    yield { group, state: 'warning', text: problemLine(warning), fix: warning.fix };
}

async function* database(loaded: LoadedConfig | null): AsyncGenerator<Finding> {
  const group = 'database';
  if (loaded === null) return;
  const { dbPath } = loaded.config;
  const size = (await stat(dbPath).catch(() => null))?.size;
  if (size === undefined) {
    yield { group, state: 'skipped', text: `${dbPath} is not there yet: orch up makes it`, fix: null };
    return;
  }
  try {
    if (size > READ_WHOLE_BYTES) {
      const { schema, known } = databaseGlance(dbPath);
      const text = `schema ${schema} of ${known}, ${inBytes(size)}: too large to be read through here`;
      yield { group, state: 'ok', text, fix: 'orch db check' };
      return;
    }
    const { integrity, schema, known, problems } = await checkDatabase(dbPath);
    if (integrity !== 'ok')
      yield { group, state: 'error', text: `damaged: ${integrity}`, fix: 'orch db restore FILE' };
    else if (schema > known)
      yield {
        group,
        state: 'error',
        text: `schema ${schema} is newer than this build's ${known}`,
        fix: 'start the newer build again',
      };
    else yield { group, state: 'ok', text: `whole, schema ${schema} of ${known}`, fix: null };
    for (const text of problems) yield { group, state: 'error', text, fix: 'orch db check' };
  } catch (error) {
    const fix = error instanceof AppError ? (error.hint ?? null) : null;
    yield { group, state: 'error', text: messageOf(error), fix };
  }
}

async function* server(): AsyncGenerator<Finding> {
  const group = 'server';
  const home = processHome();
  const info = await runningServer(home);
  if (info === null) {
    yield { group, state: 'skipped', text: 'not running', fix: 'orch up' };
    return;
  }
  yield* await connect(home)
    .then((client) => client.get('/status'))
    .then(
      ({ schedulerTickAgeMs, pipelineProblems }): Finding[] => [
        schedulerTickAgeMs !== null && schedulerTickAgeMs < 30_000
          ? {
              group,
              state: 'ok',
              text: `answers at ${info.url}, ticked ${(schedulerTickAgeMs / 1000).toFixed(1)} s ago`,
              fix: null,
            }
          : {
              group,
              state: 'error',
              text: 'the scheduler has not ticked',
              fix: 'look at the service log, then orch down and orch up',
            },
        ...pipelineProblems.map(
          ({ problem, hint }): Finding => ({ group, state: 'error', text: problem, fix: hint }),
        ),
      ],
      (error: unknown): Finding[] => [
        { group, state: 'error', text: messageOf(error), fix: 'orch down, then orch up' },
      ],
    );
}

/** What the world was not told. */
async function* outbox(): AsyncGenerator<Finding> {
  const group = 'outbox';
  const home = processHome();
  const status = await runningServer(home)
    .then((info) => (info === null ? null : connect(home)))
    .then((client) => client?.get('/status') ?? null)
    .catch(() => null); // the server group tells why
  if (status === null) {
    yield { group, state: 'skipped', text: 'the server tells it', fix: null };
    return;
  }
  if (status.outbox.length === 0)
    yield { group, state: 'ok', text: 'nothing was given up, every destination answers', fix: null };
  for (const { name, dead, unansweredSince, error } of status.outbox) {
    if (unansweredSince !== null)
      yield {
        group,
        state: 'warning',
        text: `${name} has not answered since ${localTime(unansweredSince)}: ${error}`,
        fix: `mend it; to ask it at once, ${checkAgain(name)}`,
      };
    if (dead > 0)
      yield {
        group,
        state: 'warning',
        text: `${dead} ${dead === 1 ? 'message' : 'messages'} to ${name} given up: ${error}`,
        fix: `orch outbox --destination ${name}, then orch outbox retry or drop`,
      };
  }
}

async function* agents(loaded: LoadedConfig | null): AsyncGenerator<Finding> {
  const group = 'agents';
  for (const account of loaded?.config.accounts ?? []) {
    const agent = await agentOfKind(account.agent, searchPathOf(processEnvironment()));
    const home = agentAccountOf(account);
    const unreadable = await access(account.home, constants.R_OK | constants.X_OK).then(
      () => null,
      (error: unknown) => messageOf(error),
    );
    if (unreadable !== null) {
      yield {
        group,
        state: 'error',
        text: `${account.id}: home ${account.home} cannot be read: ${unreadable}`,
        fix: `set accounts.${account.id}.home to a folder this user may read`,
      };
      continue;
    }
    const version = await agent.version(home).then(
      (value): Finding => ({
        group,
        state: 'ok',
        text: `${account.id}: ${account.agent} ${value}`,
        fix: null,
      }),
      (error: unknown): Finding => ({
        group,
        state: 'error',
        text: `${account.id}: ${messageOf(error)}`,
        fix: error instanceof AppError ? (error.hint ?? null) : null,
      }),
    );
    yield version;
    const signIn = await agent.signIn(home, {
      now: Date.now(),
      expirySkewMs: loaded?.config.preflight.expirySkewMs ?? 60_000,
    });
    if (signIn.state === 'logged_out' || signIn.state === 'login_needed')
      yield { group, state: 'error', text: `${account.id}: ${signIn.detail}`, fix: agent.loginCommand(home) };
    else
      yield {
        group,
        state: signIn.state === 'ready_login_ends_soon' ? 'warning' : 'ok',
        text: `${account.id}: ${signIn.state}, ${signIn.detail}`,
        fix: null,
      };
  }
}

async function* projects(loaded: LoadedConfig | null): AsyncGenerator<Finding> {
  const group = 'projects';
  for (const project of loaded?.config.projects ?? []) {
    if (!project.repo.startsWith('/')) {
      yield {
        group,
        state: 'skipped',
        text: `${project.key}: ${project.repo} is not asked from here`,
        fix: `orch project check ${project.key}`,
      };
      continue;
    }
    if ((await stat(project.repo).catch(() => null)) === null) {
      const fix = `set projects.${project.key}.repo`;
      yield { group, state: 'error', text: `${project.key}: there is no repository at ${project.repo}`, fix };
      continue;
    }
    yield { group, state: 'ok', text: `${project.key}: ${project.repo}, base ${project.base}`, fix: null };
    const head = await readFile(join(project.repo, '.git', 'HEAD'), 'utf8').catch(() => '');
    if (head.trim() === `ref: refs/heads/${project.base}`)
      yield {
        group,
        state: 'warning',
        text: `${project.key}: ${project.base} is checked out there, and git refuses to move it under you`,
        fix: `git -C ${project.repo} config receive.denyCurrentBranch updateInstead`,
      };
  }
}

async function* telegram(loaded: LoadedConfig | null): AsyncGenerator<Finding> {
  const group = 'telegram';
  const seen = loaded === null ? null : await inspectChat(loaded.config);
  if (seen === null) {
    const fix = 'set ORCH_TELEGRAM_BOT_TOKEN and ORCH_TELEGRAM_CHAT_ID';
    return yield { group, state: 'skipped', text: 'off', fix };
  }
  const { ok, text, fix } = seen;
  yield ok
    ? { group, state: 'ok', text: `${text}; orch notify test sends it a message`, fix: null }
    : { group, state: 'warning', text, fix };
}
