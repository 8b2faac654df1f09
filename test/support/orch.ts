import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { AccountWire, JobWire, RunWire, TaskDetailWire } from '../../src/http/contract.ts';
import { projectRoot } from './requirements.ts';

const ORCH = join(projectRoot, 'bin', 'orch');

/** A whole installation in a temporary folder: agent home, plan of the fake CLI, repository, service. */
export interface Installation {
  readonly root: string;
  readonly home: string;
  readonly agentHome: string;
  readonly repository: string;
  /** Writes scene `n` of the fake CLI (0: the default one); sh, sourced. */
  scene(n: number, script: string): void;
  /** Lets scenes go on that wait for it (`UNTIL_GO`). */
  go(): void;
  /** How often the fake CLI was started as an agent. */
  calls(): number;
  call(n: number): { argv: string; env: string; prompt: string };
  signIn(login?: object | string | null): void;
  writeConfig(yaml: string): void;
  up(env?: Record<string, string>): Promise<Service>;
  orch(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  json<T>(...args: string[]): Promise<T>;
  /** A request as the CLI makes it, without starting one; the problem's code when it is refused. */
  post<T>(path: string, body: object, by?: string): Promise<T | { readonly code: string }>;
  /** The key of a new work item: of project `p`, or what else is said of it. */
  submit(title: string, more?: object): Promise<string>;
  /** The id of a new job of a developer without a task: in project `p`, or what else is said of it. */
  enqueue(more?: object): Promise<string>;
  /** What the API answers; throws with the problem when it refuses. */
  get<T>(path: string): Promise<T>;
  job(id: string | number): Promise<JobWire>;
  task(key: string): Promise<TaskDetailWire>;
  runs(): Promise<RunWire[]>;
  accounts(): Promise<AccountWire[]>;
  /** A row read straight from the database file. */
  row<T = Record<string, unknown>>(sql: string, ...params: unknown[]): T | undefined;
  rows<T = Record<string, unknown>>(sql: string, ...params: unknown[]): T[];
  remove(): Promise<void>;
}

export interface Service {
  readonly pid: number;
  output(): string;
  /** kill -9 of the service alone. */
  kill(): Promise<void>;
  down(): Promise<void>;
}

export const LOGIN = {
  claudeAiOauth: {
    accessToken: 'sk-ant-oat01-FAKE',
    refreshToken: 'sk-ant-ort01-FAKE',
    expiresAt: 4102444800000,
    scopes: ['user:inference', 'user:profile'],
    subscriptionType: 'max',
  },
};

export const VALID_RESULT = `{"type":"result","subtype":"success","usage":{"input_tokens":120,"output_tokens":45},"total_cost_usd":0.12}`;

/** Begins a scene that goes on when the test says `go`: no test then depends on how fast the machine is. */
export const UNTIL_GO = 'while [ ! -f "$FAKE_PLAN/go" ]; do sleep 0.1; done\n';

/** A scene that hands in what a stage needs and prints the seed's own valid log. */
export function handIn(verdict: object, extra = ''): string {
  const json = JSON.stringify({ schema: 'orch.verdict/1', run: '@RUN@', summary: 'ok', ...verdict });
  return `mkdir -p .orch-work\n${extra}\nsed "s/@RUN@/$ORCH_RUN_ID/" > .orch-work/verdict.json <<'JSON'\n${json}\nJSON\necho 'Starting.'\necho '${VALID_RESULT}'\n`;
}

export interface InstallOptions {
  /** YAML of the stages of project `p`. Default: one development stage, merged after an approval. */
  readonly pipeline?: string;
  readonly projectExtra?: string;
  readonly accountExtra?: string;
  readonly env?: Record<string, string>;
  /** Another binary than the fake CLI. */
  readonly bin?: string;
}

export function install(options: InstallOptions = {}): Installation {
  const root = mkdtempSync(join(tmpdir(), 'orch-e2e-'));
  chmodSync(root, 0o755);
  const home = join(root, 'state');
  const agentHome = join(root, 'agent');
  const plan = join(root, 'plan');
  const repository = join(root, 'project.git');
  const configPath = join(root, 'orch.yaml');
  for (const directory of [home, agentHome, plan]) mkdirSync(directory, { recursive: true });
  cpSync(join(projectRoot, 'test/fakes/claude.sh'), join(root, 'claude'));
  seedRepository(root, repository);
  const services = new Set<Service>();
  const baseEnv: Record<string, string> = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: root,
    ORCH_HOME: home,
    ORCH_CONFIG: configPath,
    ORCH_PORT: '0',
    ORCH_LOG_LEVEL: 'debug',
    ORCH_BACKOFF_BASE_SECONDS: '1',
    NO_COLOR: '1',
    ...compileCache(),
    ...options.env,
  };

  const self: Installation = {
    root,
    home,
    agentHome,
    repository,
    scene: (n, script) => writeFileSync(join(plan, n === 0 ? 'default.sh' : `${n}.sh`), script),
    go: () => writeFileSync(join(plan, 'go'), ''),
    calls: () => {
      let n = 0;
      while (existsSync(join(plan, `call-${n + 1}`, 'prompt'))) n++;
      return n;
    },
    call: (n) => ({
      argv: readFileSync(join(plan, `call-${n}`, 'argv'), 'utf8'),
      env: readFileSync(join(plan, `call-${n}`, 'env'), 'utf8'),
      prompt: readFileSync(join(plan, `call-${n}`, 'prompt'), 'utf8'),
    }),
    signIn(login = LOGIN) {
      const file = join(agentHome, '.claude', '.credentials.json');
      mkdirSync(join(agentHome, '.claude'), { recursive: true });
      if (login === null) rmSync(file, { force: true });
      else writeFileSync(file, typeof login === 'string' ? login : JSON.stringify(login), { mode: 0o600 });
    },
    writeConfig: (yaml) => writeFileSync(configPath, yaml),
    async up(env = {}) {
      const service = await startService({ ...baseEnv, ...env }, home);
      services.add(service);
      return service;
    },
    orch: (...args) =>
      new Promise((resolve) => {
        execFile(
          ORCH,
          args,
          { env: baseEnv, cwd: root, maxBuffer: 64 * 1024 * 1024 },
          (error, stdout, stderr) => {
            resolve({
              code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1,
              stdout,
              stderr,
            });
          },
        );
      }),
    async json(...args) {
      const { stdout, stderr, code } = await self.orch(...args, '--json');
      if (stdout.trim() === '') throw new Error(`orch ${args.join(' ')}: exit ${code}: ${stderr}`);
      return JSON.parse(stdout);
    },
    get: (path) => get(home, path),
    post: (path, body, by = 'test') => post(home, path, body, by),
    async submit(title, more = {}) {
      const answer = await self.post<{ task: { key: string } }>('/items', { project: 'p', title, ...more });
      if ('task' in answer) return answer.task.key;
      throw new Error(`${title} was not taken on: ${answer.code}`);
    },
    async enqueue(more = {}) {
      const answer = await self.post<{ job: JobWire }>('/jobs', { agent: 'developer', repo: 'p', ...more });
      if ('job' in answer) return answer.job.id;
      throw new Error(`the job was not queued: ${answer.code}`);
    },
    job: async (id) => (await get<{ job: JobWire }>(home, `/jobs/${id}`)).job,
    task: async (key) => (await get<{ task: TaskDetailWire }>(home, `/tasks/${key}`)).task,
    runs: async () => (await get<{ runs: RunWire[] }>(home, '/runs?limit=1000')).runs,
    accounts: async () => (await get<{ accounts: AccountWire[] }>(home, '/accounts')).accounts,
    row: (sql, ...params) => withDatabase(home, (db) => db.prepare(sql).get(...params)) as never,
    rows: (sql, ...params) => withDatabase(home, (db) => db.prepare(sql).all(...params)) as never,
    async remove() {
      for (const service of services) await service.down();
      endLeftovers(root);
      rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
  self.signIn();
  self.writeConfig(`accounts:
  claude-a:
    agent: claude-code
    home: ${agentHome}
    bin: ${options.bin ?? join(root, 'claude')}
    slots: 2
    env: { FAKE_PLAN: "${plan}" }
${options.accountExtra ?? ''}
projects:
  p:
    repo: ${repository}
    tracker: { kind: local }
    forge: { kind: local }
    accounts: [claude-a]
    max_concurrency: 2
${options.projectExtra ?? ''}
    pipeline:
${options.pipeline ?? '      - { stage: development, agent: developer, tools: write }'}
`);
  return self;
}

/** Asks the service as the CLI does, without starting one for each look. */
async function get<T>(home: string, path: string): Promise<T> {
  const { url, token } = serverOf(home);
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function post<T>(home: string, path: string, body: object, by: string): Promise<T> {
  const { url, token } = serverOf(home);
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'x-orch-by': by },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

function serverOf(home: string): { url: string; token: string } {
  const { url } = JSON.parse(readFileSync(join(home, 'server.json'), 'utf8')) as { url: string };
  return { url: `${url}/api/v1`, token: readFileSync(join(home, 'cli-token'), 'utf8').trim() };
}

/** What one service has compiled, the next one need not. */
function compileCache(): Record<string, string> {
  const folder = process.env['ORCH_TEST_COMPILE_CACHE'] ?? '';
  return folder === '' ? {} : { NODE_COMPILE_CACHE: folder };
}

function seedRepository(root: string, repository: string): void {
  const seed = join(root, 'seed');
  mkdirSync(join(seed, 'src'), { recursive: true });
  writeFileSync(
    join(seed, 'src', 'greet.js'),
    `export function greet(name) {\n  return 'Hello ' + name;\n}\n`,
  );
  writeFileSync(join(seed, 'README.md'), '# Project\n');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: root,
    GIT_AUTHOR_NAME: 'T',
    GIT_AUTHOR_EMAIL: 't@localhost',
    GIT_COMMITTER_NAME: 'T',
    GIT_COMMITTER_EMAIL: 't@localhost',
  };
  const git = (...args: string[]) => execFileSync('git', args, { cwd: seed, env, stdio: 'ignore' });
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'Start');
  git('clone', '-q', '--bare', seed, repository);
}

async function startService(env: Record<string, string>, home: string): Promise<Service> {
  const child = spawn(ORCH, ['up'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let code: number | null | undefined;
  void exited.then((value) => {
    code = value;
  });
  await waitFor(async () => {
    if (code !== undefined) throw new Error(`orch up ended with ${code}: ${text}`);
    const info = existsSync(join(home, 'server.json'))
      ? (JSON.parse(readFileSync(join(home, 'server.json'), 'utf8')) as { pid: number })
      : null;
    return info?.pid === child.pid;
  }, 20_000);
  return {
    pid: child.pid ?? 0,
    output: () => text,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async down() {
      if (code === undefined) child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Ends what this installation's runs left alive (supervisors outlive the service by design). */
function endLeftovers(root: string): void {
  for (const pid of processesMentioning(root)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone already
    }
  }
}

/** Live processes whose command line or environment names the folder, ourselves left out. */
export function processesMentioning(folder: string): number[] {
  const found: number[] = [];
  for (const pid of execFileSync('ls', ['/proc'], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    if (pid === process.pid) continue;
    for (const file of ['cmdline', 'environ']) {
      try {
        if (readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(folder)) {
          found.push(pid);
          break;
        }
      } catch {
        // gone, or not ours to read
      }
    }
  }
  return found;
}

function withDatabase<T>(home: string, read: (db: Database.Database) => T): T {
  const db = new Database(join(home, 'orch.db'), { readonly: true });
  try {
    return read(db);
  } finally {
    db.close();
  }
}

/** A machine with much to do is slow; what never comes costs this long once. */
const PATIENCE_MS = 60_000;

/** Waits until a condition holds (no value, false and null mean not yet); fails with what it last saw. */
export async function waitFor<T>(
  condition: () => Promise<T> | T,
  timeoutMs = PATIENCE_MS,
  what?: () => unknown,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value;
    if (Date.now() > deadline)
      throw new Error(
        `condition did not hold within ${timeoutMs} ms${what === undefined ? '' : `: ${JSON.stringify(await what())}`}`,
      );
    await sleep(40);
  }
}
