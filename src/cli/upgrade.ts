import { existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { execa } from 'execa';
import { processConfig } from '../config/process.ts';
import type { Config } from '../config/types.ts';
import { AppError } from '../core/errors.ts';
import { backupDatabase } from '../offline.ts';
import { options, output } from './context.ts';
import { installationRoot } from './install.ts';
import type { Output } from './output.ts';
import { describeService, type Service, serviceOf, startService, stopService } from './service.ts';
import { ask, type Switch, versionsOf } from './versions.ts';

interface UpgradeOptions {
  readonly back?: boolean;
  readonly dryRun?: boolean;
  readonly from?: string;
}

/** `orch upgrade [VERSION]` and `orch upgrade --back`: another version beside this one, and the service on it. */
export function registerUpgrade(program: Command): void {
  program
    .command('upgrade')
    .description('switch to another version; live runs go on')
    .argument('[version]', 'tag, branch or commit; default: what the source has checked out')
    .option('--from <repository>', 'where versions come from; default: the origin of this clone')
    .option('--back', 'return to the version before the last upgrade')
    .option('--dry-run', 'only say what would be done')
    .action(async (version: string | undefined, _o, command: Command) => {
      const o = options<UpgradeOptions>(command);
      const { config } = processConfig();
      if (o.back === true) await back(config, o, output(command));
      else await forward(config, version ?? null, o, output(command));
    });
}

async function forward(
  config: Config,
  version: string | null,
  o: UpgradeOptions,
  out: Output,
): Promise<void> {
  const { home, dbPath } = config;
  const versions = versionsOf(home);
  await mustBeOwner(home);
  const service = await serviceOf(home);
  await mustStartThrough(versions.link, service);
  const from = await versions.current();
  const source = o.from ?? (await originOf(installationRoot()));
  const backup = existsSync(dbPath) ? join(home, 'backups', `orch-${stampOf(new Date())}.db`) : null;
  const plan = [
    `build ${version ?? 'the newest version'} of ${source} in ${join(home, 'versions')} (git clone, npm ci)`,
    'ask the new version whether it can use this configuration and this database',
    backup === null ? 'there is no database yet: no backup' : `back the database up to ${backup}`,
    `lead ${versions.link} to it, away from ${from}`,
    describeService(service),
  ];
  if (o.dryRun === true) return told(out, plan);

  out.text(`1. ${plan[0]}`);
  const to = await versions.build(source, version);
  out.text(`2. ${plan[1]}`);
  const { version: name } = await ask(to, ['version']);
  await mustAccept(to);
  out.text(`3. ${plan[2]}`);
  if (backup !== null) {
    await mkdir(join(home, 'backups'), { recursive: true, mode: 0o700 });
    await backupDatabase(dbPath, backup);
  }
  out.text(`4. ${plan[3]}`);
  if (to === from) out.text('   it leads there already');
  else await versions.switchTo({ at: new Date().toISOString(), from, to, backup });
  out.text(`5. ${plan[4]}`);
  await restart(home, service);
  out.text(`Orch ${String(name)} is in ${to}; orch upgrade --back returns to ${from}`);
  out.object({
    schema: 'orch.upgrade/1',
    from,
    to,
    version: name,
    backup,
    restarted: service.kind !== 'none',
  });
}

async function back(config: Config, o: UpgradeOptions & { yes: boolean }, out: Output): Promise<void> {
  const { home } = config;
  const versions = versionsOf(home);
  const last = (await versions.history()).at(-1);
  if (last === undefined)
    throw new AppError('there is no version to return to', {
      code: 'upgrade.no_history',
      hint: 'orch upgrade VERSION switches to any version',
    });
  await mustBeOwner(home);
  const service = await serviceOf(home);
  const lost = existsSync(config.dbPath) && (await isTooNew(last.from));
  const plan = [
    ...(lost ? [`restore ${last.backup ?? 'a backup'}: what happened since ${last.at} is forgotten`] : []),
    `lead ${versions.link} to ${last.from}`,
    describeService(service),
  ];
  if (o.dryRun === true) return told(out, plan);
  if (lost) mustBeMeant(last, o.yes);

  await stopService(home, service);
  if (lost) {
    // By the version that will run on it: what it writes is its own schema.
    await ask(last.from, ['db', 'restore', last.backup ?? '']);
    out.text(`restored ${last.backup}`);
  }
  await versions.switchBack(last);
  await startService(home, service);
  out.text(`back in ${last.from}${service.kind === 'none' ? '; Orch was not running' : ''}`);
  out.object({ schema: 'orch.upgrade/1', from: last.to, to: last.from, restored: lost ? last.backup : null });
}

async function restart(home: string, service: Service): Promise<void> {
  if (service.kind === 'none') return;
  await stopService(home, service);
  await startService(home, service);
}

/** What another user makes here the service could not read. */
async function mustBeOwner(home: string): Promise<void> {
  const uid = (await stat(home).catch(() => null))?.uid; // not made yet: by whoever upgrades
  if (uid === undefined || uid === process.getuid?.()) return;
  throw new AppError(`${home} belongs to another user (${uid})`, {
    code: 'upgrade.other_user',
    hint: 'run it as the user of the service, such as: sudo -u orch ORCH_HOME=... orch upgrade',
  });
}

/** Throws when the unit starts a fixed folder: switching the link would change nothing. */
async function mustStartThrough(link: string, service: Service): Promise<void> {
  if (service.kind !== 'systemd') return;
  const args = [...service.manager, 'show', service.unit, '--property=ExecStart'];
  const { stdout } = await execa('systemctl', args, { reject: false });
  if (stdout.includes(`${link}/`)) return;
  throw new AppError(`${service.unit} does not start Orch through ${link}`, {
    code: 'upgrade.fixed_unit',
    hint: 'orch install --yes writes a unit that does (orch install --print shows it)',
  });
}

/** Whether the database has moved past what a build knows. */
async function isTooNew(root: string): Promise<boolean> {
  const { version, newest } = await ask(root, ['db', 'check']);
  return Number(version) > Number(newest);
}

function mustBeMeant({ at, backup }: Switch, yes: boolean): void {
  if (backup === null)
    throw new AppError('the version before cannot use the database, and there is no backup from then', {
      code: 'upgrade.no_backup',
      hint: 'stay on this version, or orch db restore a backup of yours with the version before',
    });
  if (yes) return;
  throw new AppError(`the version before cannot use the database: it would be set back to ${at}`, {
    code: 'upgrade.needs_yes',
    hint: 'orch upgrade --back --yes: tasks and runs since then are forgotten, live runs of since then are ended, their work stays in place',
  });
}

/** The new version itself says whether it can go on here; nothing is changed by asking. */
async function mustAccept(root: string): Promise<void> {
  for (const group of ['configuration', 'database']) {
    const { findings } = (await ask(root, ['doctor', '--only', group])) as {
      findings?: { state: string; text: string; fix: string | null }[];
    };
    const problem = findings?.find(({ state }) => state === 'error');
    if (problem === undefined) continue;
    throw new AppError(`the new version does not accept the ${group}: ${problem.text}`, {
      code: 'upgrade.refused',
      hint: problem.fix ?? 'nothing was switched',
    });
  }
}

async function originOf(root: string): Promise<string> {
  const { stdout, exitCode } = await execa('git', ['-C', root, 'remote', 'get-url', 'origin'], {
    reject: false,
  });
  if (exitCode === 0) return stdout.trim();
  throw new AppError(`${root} is no clone with an origin`, {
    code: 'upgrade.no_source',
    hint: 'orch upgrade --from REPOSITORY',
  });
}

function told(out: Output, plan: readonly string[]): void {
  for (const [i, line] of plan.entries()) out.text(`${i + 1}. ${line}`);
  out.object({ schema: 'orch.upgrade/1', plan });
}

function stampOf(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d+/g, '');
}
