import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { AppError } from '../core/errors.ts';
import { connect } from './client.ts';
import { runningServer } from './home.ts';

/** How the service of a home was started, and so how it is stopped and started again. */
export type Service =
  | { readonly kind: 'none' }
  | { readonly kind: 'background'; readonly pid: number }
  | {
      readonly kind: 'systemd';
      readonly pid: number;
      readonly unit: string;
      readonly manager: readonly string[];
    };

const LIMIT_MS = 60_000;
const POLL_MS = 200;

export async function serviceOf(home: string): Promise<Service> {
  const pid = (await runningServer(home))?.pid;
  if (pid === undefined) return { kind: 'none' };
  const group = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  return unitIn(group, pid) ?? { kind: 'background', pid };
}

/** The unit that a process belongs to by its control group; a login session is none. */
export function unitIn(cgroup: string, pid: number): Service | null {
  const path = cgroup.trim().split('\n').at(-1)?.split('::').at(-1) ?? '';
  const unit = path.split('/').findLast((part) => part.endsWith('.service'));
  if (unit === undefined || unit.startsWith('user@')) return null;
  return { kind: 'systemd', pid, unit, manager: path.includes('/user@') ? ['--user'] : [] };
}

export function describeService(service: Service): string {
  if (service.kind === 'none') return 'Orch is not running: nothing to restart';
  if (service.kind === 'background') return `orch down, then ${'`'}orch up --detach${'`'} of the new version`;
  return ['systemctl', ...service.manager, 'restart', service.unit].join(' ');
}

/** Ends the service; live runs go on. */
export async function stopService(home: string, service: Service): Promise<void> {
  if (service.kind === 'systemd') await systemctl(service, 'stop');
  if (service.kind === 'background')
    await (await connect(home)).post('/shutdown', { body: { cancel: false } });
  await until(async () => (await runningServer(home)) === null, 'the service does not end');
}

/** Starts it again through `current`, and waits until it answers. */
export async function startService(home: string, service: Service): Promise<void> {
  if (service.kind === 'none') return;
  if (service.kind === 'systemd') await systemctl(service, 'start');
  else {
    const program = join(home, 'current/bin/orch');
    const { exitCode, stderr } = await execa(program, ['up', '--detach'], { reject: false, stdin: 'ignore' });
    if (exitCode !== 0)
      throw new AppError(`the new version does not start: ${stderr.trim()}`, {
        code: 'upgrade.not_started',
        hint: 'orch upgrade --back returns to the version before',
      });
  }
  await until(async () => {
    const info = await runningServer(home);
    if (info === null || info.pid === service.pid || info.url === '') return false;
    return (await fetch(`${info.url}/readyz`).catch(() => null))?.ok === true;
  }, 'the new version does not answer');
}

async function systemctl(
  { manager, unit }: Extract<Service, { kind: 'systemd' }>,
  verb: 'start' | 'stop',
): Promise<void> {
  const { exitCode, stderr } = await execa('systemctl', [...manager, verb, unit], {
    reject: false,
    stdin: 'ignore',
  });
  if (exitCode === 0) return;
  throw new AppError(`systemctl ${verb} ${unit} failed: ${stderr.trim()}`, {
    code: 'upgrade.systemctl',
    hint: `as a user who may: ${['systemctl', ...manager, verb === 'stop' ? 'restart' : verb, unit].join(' ')}`,
  });
}

async function until(done: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  while (!(await done())) {
    if (Date.now() > deadline)
      throw new AppError(what, {
        code: 'upgrade.timeout',
        hint: 'look at the service log; orch upgrade --back returns to the version before',
      });
    await sleep(POLL_MS);
  }
}
