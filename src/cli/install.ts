import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, lchown, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { loadOptions, processEnvironment, processHome } from '../config/process.ts';
import { AppError } from '../core/errors.ts';
import { options, output } from './context.ts';
import type { Output } from './output.ts';
import { type UnitFacts, unitText } from './systemd.ts';

interface InstallOptions {
  readonly print?: boolean;
  readonly user?: boolean;
  readonly runAs?: string;
}

/** A unit and where it belongs. */
interface Plan {
  readonly facts: UnitFacts;
  readonly home: string;
  readonly file: string;
  /** What comes before the words of `systemctl`. */
  readonly manager: readonly string[];
}

const SYSTEM_HOME = '/var/lib/orch';
const SECRETS = '/etc/orch/secrets.env';

/** `orch install`: a systemd unit for this installation. */
export function registerInstall(program: Command): void {
  program
    .command('install')
    .description('write a systemd unit for Orch; started by you')
    .option('--print', 'only show the unit')
    .option('--user', "for this user's own systemd, without root")
    .option('--run-as <user>', 'user of the service (default: orch)')
    .action(async (_o, command: Command) => {
      const o = options<InstallOptions>(command);
      const out = output(command);
      if (o.user === true && o.runAs !== undefined)
        throw new AppError('--run-as and --user contradict each other', {
          code: 'usage.install',
          hint: 'a unit of your own runs as you: leave out --run-as',
        });
      const plan = o.user === true ? userPlan() : systemPlan(o.runAs ?? 'orch');
      if (o.print === true) {
        out.text(unitText(plan.facts).trimEnd());
        out.object({ schema: 'orch.install/1', file: plan.file, unit: unitText(plan.facts), written: false });
        return;
      }
      await install(plan, o, out);
    });
}

function systemPlan(user: string): Plan {
  const env = processEnvironment();
  const home = env['ORCH_HOME'] === undefined ? join(SYSTEM_HOME, 'state') : resolve(env['ORCH_HOME']);
  const config = env['ORCH_CONFIG'] === undefined ? '/etc/orch/orch.yaml' : resolve(env['ORCH_CONFIG']);
  return {
    home,
    file: '/etc/systemd/system/orch.service',
    manager: [],
    facts: {
      user,
      program: join(home, 'current/bin/orch'),
      workingDirectory: dirname(home),
      environment: { ORCH_HOME: home, ORCH_CONFIG: config },
      secretsFile: SECRETS,
    },
  };
}

function userPlan(): Plan {
  const { env } = loadOptions();
  const home = processHome();
  const config = env['ORCH_CONFIG'] === undefined ? {} : { ORCH_CONFIG: resolve(env['ORCH_CONFIG']) };
  const units = join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'systemd/user');
  return {
    home,
    file: join(units, 'orch.service'),
    manager: ['--user'],
    facts: {
      user: null,
      program: join(home, 'current/bin/orch'),
      workingDirectory: home,
      // The manager's own PATH is short, and agent CLIs are often in the user's folders.
      environment: { ORCH_HOME: home, ...config, PATH: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin' },
      secretsFile: null,
    },
  };
}

async function install(plan: Plan, o: InstallOptions & { yes: boolean }, out: Output): Promise<void> {
  const { facts, file, home } = plan;
  mustHaveSystemd();
  const root = installationRoot();
  const owner = facts.user === null ? null : serviceUser(facts.user, root);
  const unit = unitText(facts);
  const before = await readFile(file, 'utf8').catch(() => null); // none yet
  if (before !== null && before !== unit && !o.yes)
    throw new AppError(`${file} is there and differs`, {
      code: 'install.exists',
      hint: 'compare it with orch install --print; orch install --yes replaces it and keeps it as orch.service.before',
    });
  if (!existsSync(home)) {
    await mkdir(home, { recursive: true, mode: 0o700 });
    if (owner !== null) await chown(home, owner.uid, owner.gid);
    out.text(`made ${home}`);
  }
  if (!existsSync(join(home, 'current'))) {
    await pointTo(join(home, 'current'), root);
    if (owner !== null) await lchown(join(home, 'current'), owner.uid, owner.gid);
    out.text(`${join(home, 'current')} leads to ${root}`);
  }
  await mkdir(dirname(file), { recursive: true });
  if (before !== null && before !== unit) await writeFile(`${file}.before`, before);
  await writeFile(file, unit, { mode: 0o644 });
  out.text(`wrote ${file}`);
  execFileSync('systemctl', [...plan.manager, 'daemon-reload'], { stdio: 'ignore' });
  if (facts.user === null && !existsSync(`/var/lib/systemd/linger/${userInfo().username}`))
    out.text('! it ends when you log out, and does not start with the machine: loginctl enable-linger');
  if (facts.user !== null && !existsSync(facts.environment['ORCH_CONFIG'] ?? ''))
    out.text(`! ${facts.environment['ORCH_CONFIG']} is not there yet: orch init writes one`);
  out.text(`start it: ${['systemctl', ...plan.manager, 'enable', '--now', 'orch'].join(' ')}`);
  out.object({ schema: 'orch.install/1', file, unit, written: true });
}

function mustHaveSystemd(): void {
  if (existsSync('/run/systemd/system')) return;
  throw new AppError('this machine is not run by systemd', {
    code: 'install.no_systemd',
    hint: 'orch up --detach starts Orch without it; orch install --print shows the unit for another machine',
  });
}

/** The user of the service. Throws when it cannot be used, with the way to make it so. */
function serviceUser(name: string, root: string): { uid: number; gid: number } {
  if (process.getuid?.() !== 0)
    throw new AppError('a unit of the machine is written by root', {
      code: 'install.not_root',
      hint: 'sudo orch install, or orch install --user for a unit of your own',
    });
  const id = (what: '-u' | '-g') => {
    try {
      return Number(execFileSync('id', [what, name], { encoding: 'utf8', stdio: 'pipe' }));
    } catch {
      throw new AppError(`there is no user ${name}`, {
        code: 'install.no_user',
        hint: `useradd --system --create-home --home-dir ${SYSTEM_HOME} --shell /usr/sbin/nologin ${name}`,
      });
    }
  };
  const owner = { uid: id('-u'), gid: id('-g') };
  if (owner.uid === 0)
    throw new AppError('Orch and its agents do not run as root', {
      code: 'install.root',
      hint: 'give them a user of their own: orch install --run-as orch',
    });
  const program = join(root, 'bin/orch');
  try {
    const as = ['--reuid', String(owner.uid), '--regid', String(owner.gid), '--clear-groups'];
    execFileSync('setpriv', [...as, program, 'version'], { stdio: 'pipe', env: { PATH: '/usr/bin:/bin' } });
  } catch {
    throw new AppError(`${name} cannot start ${program}`, {
      code: 'install.unreadable',
      hint: `put the clone where ${name} may read it (such as /opt/orch), and run npm ci there`,
    });
  }
  return owner;
}

/** The folder of this installation. */
export function installationRoot(): string {
  return resolve(dirname(fileURLToPath(import.meta.url)), '../..');
}

/** Makes a link lead there, in one step. */
export async function pointTo(link: string, target: string): Promise<void> {
  const draft = `${link}.new`;
  await rm(draft, { force: true });
  await symlink(target, draft);
  await rename(draft, link);
}
