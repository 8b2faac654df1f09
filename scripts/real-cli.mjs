// Installs the exact Claude Code that our real-CLI suite speaks to, outside the clone, and prints the path
// of its binary. Not in package.json: it is proprietary and 381 MB. Runs on Node 20, built-in modules only.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail, isMusl } from './prepare.mjs';

export const REAL_CLI_VERSION = '2.1.330';

const INSTALL_LIMIT_MS = 10 * 60_000;
const VERSION_LIMIT_MS = 60_000;

/** Where this version lives once installed; several clones share it. */
export function realCliFolder(env = process.env) {
  const cache =
    env.ORCH_REAL_CLI_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'orch', 'real-cli');
  return join(cache, REAL_CLI_VERSION);
}

/** The installed binary for this machine, or null. */
export function realCliBinary(env = process.env) {
  const scope = join(realCliFolder(env), 'node_modules', '@anthropic-ai');
  const plain = `claude-code-${process.platform}-${process.arch}`;
  const names = isMusl() ? [`${plain}-musl`, plain] : [plain, `${plain}-musl`];
  return names.map((name) => join(scope, name, 'claude')).find((binary) => existsSync(binary)) ?? null;
}

/** Installs beside the final place and renames, so nobody ever sees half an installation. */
function install() {
  const folder = realCliFolder();
  const parent = join(folder, '..');
  mkdirSync(parent, { recursive: true });
  const scratch = mkdtempSync(join(parent, `.install-${REAL_CLI_VERSION}-`));
  const wanted = `@anthropic-ai/claude-code@${REAL_CLI_VERSION}`;
  process.stderr.write(`Installing ${wanted} into ${folder} ... `);
  const args = [
    'install',
    '--prefix',
    scratch,
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    wanted,
  ];
  const result = spawnSync('npm', args, {
    cwd: scratch,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: INSTALL_LIMIT_MS,
  });
  if (result.status !== 0) {
    rmSync(scratch, { recursive: true, force: true });
    process.stderr.write(`failed\n${result.stderr ?? ''}\n`);
    fail(`could not install ${wanted}`, 'check the network and the npm registry');
  }
  process.stderr.write('done\n');
  try {
    renameSync(scratch, folder);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    if (realCliBinary() === null) throw error; // else another run was faster: use its result
  }
}

/** Runs `--version` with a made-up HOME, so that nobody's own settings are read or written. */
function versionOf(binary) {
  const home = mkdtempSync(join(tmpdir(), 'orch-real-cli-'));
  const env = { PATH: process.env.PATH ?? '', HOME: home, DISABLE_AUTOUPDATER: '1' };
  const result = spawnSync(binary, ['--version'], {
    encoding: 'utf8',
    env,
    cwd: home,
    timeout: VERSION_LIMIT_MS,
  });
  rmSync(home, { recursive: true, force: true });
  return result.status === 0 ? result.stdout.trim() : '';
}

function main() {
  if (realCliBinary() === null) {
    rmSync(realCliFolder(), { recursive: true, force: true });
    install();
  }
  const binary = realCliBinary();
  if (binary === null)
    fail(`Claude Code ${REAL_CLI_VERSION} has no binary for ${process.platform}-${process.arch}`);
  const version = versionOf(binary);
  if (!version.startsWith(`${REAL_CLI_VERSION} `)) {
    fail(`${binary} --version printed "${version}"`, `remove ${realCliFolder()} and run this again`);
  }
  process.stdout.write(`${binary}\n`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main();
