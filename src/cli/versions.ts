import { randomBytes } from 'node:crypto';
import { access, mkdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { AppError } from '../core/errors.ts';
import { installationRoot, pointTo } from './install.ts';

/** One switch from a version to another, kept so that it can be taken back. */
export interface Switch {
  readonly at: string;
  /** Folders of the two installations. */
  readonly from: string;
  readonly to: string;
  /** The database as it was; null when there was none yet. */
  readonly backup: string | null;
}

const INSTALL_TIMEOUT_MS = 15 * 60 * 1000;
const CHECK_TIMEOUT_MS = 60 * 1000;

/**
 * The installations of one home: `versions/<name>` beside each other, and the link `current` to the one that
 * the service starts from. A folder is only ever made whole, and never changed: a service that runs from the
 * one before keeps its files.
 */
export function versionsOf(home: string) {
  const folder = join(home, 'versions');
  const link = join(home, 'current');
  const record = join(folder, 'history.json');

  async function history(): Promise<Switch[]> {
    const text = await readFile(record, 'utf8').catch(() => '[]'); // never switched yet
    return JSON.parse(text) as Switch[];
  }

  async function remember(switches: readonly Switch[]): Promise<void> {
    await writeFile(`${record}.new`, `${JSON.stringify(switches, null, 2)}\n`, { mode: 0o600 });
    await rename(`${record}.new`, record);
  }

  return {
    link,
    history,
    /** The installation that `current` leads to, else this one. */
    current: (): Promise<string> => readlink(link).catch(() => installationRoot()),

    /** Clones a version and installs its packages; its folder. One that is there already is used as it is. */
    async build(source: string, version: string | null): Promise<string> {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const draft = join(folder, `.draft-${randomBytes(6).toString('hex')}`);
      try {
        await step('git', ['clone', '--quiet', '--', source, draft], folder);
        // A branch is meant as the source has it.
        const wanted = version === null ? 'HEAD' : await commitOf(draft, version);
        await step('git', ['checkout', '--quiet', '--detach', wanted], draft);
        const name = (await step('git', ['describe', '--tags', '--always'], draft)).replaceAll('/', '-');
        const target = join(folder, name);
        if (await isThere(join(target, 'bin/orch'))) return target;
        await step('npm', ['ci', '--no-audit', '--no-fund'], draft);
        await rename(draft, target);
        return target;
      } finally {
        await rm(draft, { recursive: true, force: true });
      }
    },

    async switchTo(change: Switch): Promise<void> {
      await remember([...(await history()), change]);
      await pointTo(link, change.to);
    },
    async switchBack(change: Switch): Promise<void> {
      await pointTo(link, change.from);
      await remember((await history()).slice(0, -1));
    },
  };
}

/** What a build of Orch answers to a command that prints one object; throws with its own words. */
export async function ask(root: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr, exitCode } = await execa(join(root, 'bin/orch'), [...args, '--json'], {
    reject: false,
    timeout: CHECK_TIMEOUT_MS,
    stdin: 'ignore',
  });
  try {
    return JSON.parse(stdout) as Record<string, unknown>;
  } catch {
    throw new AppError(
      `${root}/bin/orch ${args.join(' ')} failed (exit ${exitCode ?? 'none'}): ${stderr.trim()}`,
      {
        code: 'upgrade.broken_build',
        hint: 'nothing was switched; look at that version',
      },
    );
  }
}

async function commitOf(clone: string, version: string): Promise<string> {
  for (const name of [`refs/tags/${version}`, `refs/remotes/origin/${version}`, version]) {
    const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`];
    const { stdout, exitCode } = await execa('git', args, { cwd: clone, reject: false });
    if (exitCode === 0) return stdout.trim();
  }
  throw new AppError(`there is no version ${version}`, {
    code: 'upgrade.unknown_version',
    hint: 'name a tag, a branch or a commit',
  });
}

/** One program to its end; what it printed. */
async function step(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout, stderr, exitCode, timedOut } = await execa(program, args, {
    cwd,
    reject: false,
    stdin: 'ignore',
    timeout: INSTALL_TIMEOUT_MS,
  });
  if (exitCode === 0) return stdout.trim();
  const how = timedOut ? 'took too long' : `failed (exit ${exitCode ?? 'none'})`;
  throw new AppError(`${program} ${args[0] ?? ''} ${how}: ${stderr.trim().slice(-2000)}`, {
    code: 'upgrade.build_failed',
    hint: 'nothing was switched; mend that and run it again',
  });
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
