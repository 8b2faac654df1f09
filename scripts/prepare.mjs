// Makes node_modules match package-lock.json, then steps aside. Runs on the machine's own Node (20 or
// newer) before anything is installed, so: plain ESM, built-in modules only.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = resolve(fileURLToPath(import.meta.url), '../..');

const NODE_MAJOR = 24;
const INSTALL_LIMIT_MS = 15 * 60_000;
const LOCK_POLL_MS = 250;
/** A lock folder without an owner's pid is one whose maker died between two system calls. */
const LOCK_ORPHAN_MS = 10_000;
const OUTPUT_TAIL_LINES = 30;

const modules = join(root, 'node_modules');
const stampFile = join(modules, '.orch-stamp');
const lockDir = join(root, '.cache', 'prepare.lock');

/** Installs when needed; returns false when there was nothing to do. Throws an Error with a `hint`. */
export async function prepare() {
  if (isPrepared()) return false;
  await takeLock();
  try {
    if (isPrepared()) return false;
    if (!isInstalledByHand()) install();
    if (findNode() === null) throw withHint(nodeProblem(), nodeHint());
    writeFileSync(stampFile, `${stamp()}\n`);
    return true;
  } finally {
    rmSync(lockDir, { recursive: true, force: true });
  }
}

/** The Node that runs our TypeScript: the one npm brought, else the running one if it is new enough. */
export function findNode() {
  const brought = join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node');
  return [brought, process.execPath].find((candidate) => nodeMajor(candidate) >= NODE_MAJOR) ?? null;
}

/** As findNode, but prints a plain error and ends the process when there is none. */
export function requireNode() {
  const node = findNode();
  if (node === null) fail(nodeProblem(), nodeHint());
  return node;
}

/** Alpine and its like: binaries built against glibc do not run there. */
export function isMusl() {
  if (process.platform !== 'linux') return false;
  try {
    return readdirSync('/lib').some((name) => name.startsWith('ld-musl-'));
  } catch {
    return false; // no /lib: not a musl system we know
  }
}

/** Ends the process the way every command of ours reports an error. */
export function fail(message, hint) {
  process.stderr.write(`error: ${message}\n${hint ? `hint: ${hint}\n` : ''}`);
  process.exit(1);
}

function isPrepared() {
  try {
    return readFileSync(stampFile, 'utf8').trim() === stamp();
  } catch {
    return false; // no stamp yet
  }
}

function stamp() {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  return `${hash} ${process.platform}-${process.arch}`;
}

/** Someone ran npm themselves: npm's own record of node_modules already agrees with our lockfile. */
function isInstalledByHand() {
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')).packages;
  } catch {
    return false; // nothing installed, or not by npm
  }
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true && !isBuiltForThisMachine(entry);
    return found.version === entry.version && existsSync(join(root, path, 'package.json'));
  });
}

function isBuiltForThisMachine({ os, cpu, libc }) {
  if (os === undefined && cpu === undefined) return false; // only wanted by another machine's package
  if (os !== undefined && !os.includes(process.platform)) return false;
  if (cpu !== undefined && !cpu.includes(process.arch)) return false;
  return libc === undefined || libc.includes(isMusl() ? 'musl' : 'glibc');
}

function install() {
  const started = Date.now();
  const reason = existsSync(modules) ? 'node_modules does not match package-lock.json' : 'first run';
  process.stderr.write(`Installing dependencies with npm ci (${reason}) ... `);
  const { command, args, env } = npm();
  const result = spawnSync(
    command,
    [...args, 'ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund'],
    {
      cwd: root,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: INSTALL_LIMIT_MS,
    },
  );
  if (result.status === 0) {
    process.stderr.write(`done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
    return;
  }
  process.stderr.write('failed\n');
  const lines = `${result.stdout ?? ''}${result.stderr ?? ''}`.trimEnd().split('\n');
  process.stderr.write(`${lines.slice(-OUTPUT_TAIL_LINES).join('\n')}\n`);
  const end =
    result.error?.message ?? (result.signal ? `signal ${result.signal}` : `exit code ${result.status}`);
  throw withHint(
    `npm ci did not finish (${end})`,
    'check the network and the npm registry, then run: npm ci',
  );
}

/** npm must not run on the Node inside node_modules, which `npm ci` is about to delete. */
function npm() {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !entry.startsWith(modules + sep) && entry !== '');
  const env = { ...process.env, PATH: path.join(delimiter) };
  const onPath = path.some((folder) => existsSync(join(folder, 'npm')));
  if (onPath) return { command: 'npm', args: [], env };
  const cli = process.env.npm_execpath;
  if (cli) return { command: process.execPath, args: [cli], env };
  throw withHint('npm was not found on PATH', 'install Node.js 20 or newer together with npm');
}

async function takeLock() {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const giveUpAt = Date.now() + INSTALL_LIMIT_MS;
  for (let waits = 0; Date.now() < giveUpAt; waits += 1) {
    try {
      mkdirSync(lockDir);
      writeFileSync(join(lockDir, 'pid'), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isLockAbandoned()) {
      rmSync(lockDir, { recursive: true, force: true });
      continue;
    }
    if (waits === 0) process.stderr.write('Waiting for another install to finish ...\n');
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
  throw withHint('another install did not finish', `end it, or remove ${lockDir}`);
}

function isLockAbandoned() {
  let pid;
  try {
    pid = Number(readFileSync(join(lockDir, 'pid'), 'utf8'));
  } catch {
    const made = statSync(lockDir, { throwIfNoEntry: false });
    return made !== undefined && Date.now() - made.mtimeMs > LOCK_ORPHAN_MS;
  }
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function nodeMajor(binary) {
  if (binary === process.execPath) return Number(process.versions.node.split('.')[0]);
  if (!existsSync(binary)) return 0;
  const env = { ...process.env };
  delete env.NODE_OPTIONS;
  const version = spawnSync(binary, ['--version'], { encoding: 'utf8', env }).stdout ?? '';
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0);
}

function nodeProblem() {
  return `Orch needs Node ${NODE_MAJOR} or newer; found v${process.versions.node}`;
}

function nodeHint() {
  return process.platform === 'linux'
    ? `run npm ci in ${root}`
    : `install Node ${NODE_MAJOR}: npm brings it on Linux x64 and arm64 only`;
}

function withHint(message, hint) {
  return Object.assign(new Error(message), { hint });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await prepare();
  } catch (error) {
    fail(error.message, error.hint);
  }
}
