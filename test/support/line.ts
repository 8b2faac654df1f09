import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { App, AppOptions } from '../../src/app.ts';
import { startInProcess } from './in-process.ts';
import { handIn, type Installation, install, LOGIN, waitFor } from './orch.ts';

/** A running line with a bit of everything on it, for a person or a browser to look at. */
export interface Line {
  /** `orch_session=...` of an admin called mara. */
  readonly cookie: { readonly name: string; readonly value: string };
  readonly here: Installation;
  readonly app: App;
  /** Keys of the tasks by what happens to them. */
  readonly keys: Readonly<Record<Part, string>>;
  /** The job and the run that a part came to last, `job_8` and `run_2`. */
  readonly jobs: Readonly<Record<Part, string>>;
  readonly runs: Readonly<Record<Part, string>>;
  readonly password: string;
  /** Lets an account sign in, as a person does in a terminal. */
  signIn(account: 'claude-b', login: object): void;
  close(): Promise<void>;
}

type Part = 'runs' | 'approval' | 'fails' | 'asks' | 'signedOut' | 'hostile' | 'done';

type Row = ReturnType<NonNullable<AppOptions['looks']>['config']>[number];
function row(
  path: string[],
  value: Row['value'],
  origin: string,
  env: string | null,
  locked: Row['locked'],
): Row {
  return { key: path.join('.'), path, value, origin, env, locked };
}

/** What `orch doctor` and `orch config` might find: they look at the machine, which is not what is shown here. */
const LOOKS: NonNullable<AppOptions['looks']> = {
  settings: null,
  config: () => [
    row(['host'], '127.0.0.1', 'default', 'ORCH_HOST', 'machine'),
    row(['max_concurrency'], 4, 'environment', 'ORCH_MAX_CONCURRENCY', 'environment'),
    row(['accounts', 'claude-a', 'slots'], 2, 'file', null, null),
    row(['projects', 'api', 'checks'], ['npm test', 'npm run lint'], 'file', null, null),
    row(['telegram_bot_token'], '[secret]', 'environment', 'ORCH_TELEGRAM_BOT_TOKEN', 'secret'),
    row(['public_url'], null, 'default', 'ORCH_PUBLIC_URL', null),
  ],
  async *check() {
    yield { group: 'machine', state: 'ok', text: 'Node 24, git 2.51', fix: null };
    yield {
      group: 'machine',
      state: 'warning',
      text: 'no PID namespace: a run may leave processes',
      fix: 'sysctl -w kernel.unprivileged_userns_clone=1',
    };
    yield {
      group: 'agents',
      state: 'error',
      text: 'claude-b is signed out',
      fix: 'orch accounts login claude-b',
    };
    yield { group: 'agents', state: 'ok', text: 'claude-a is signed in', fix: null };
    yield { group: 'telegram', state: 'skipped', text: 'not configured', fix: null };
  },
};

/** What an issue of a stranger may hold; nothing of it may become markup, script or a link. */
export const HOSTILE =
  '<img src=x onerror="window.hacked=1"> "><script>window.hacked=1</script> {{7*7}} ‮gnp.exe';

const USAGE =
  '"usage":{"input_tokens":61204,"output_tokens":9877,"cache_read_input_tokens":318940,"cache_creation_input_tokens":22118},"total_cost_usd":1.84,"num_turns":27';

function says(...texts: string[]): string {
  return texts
    .map((text) => {
      const line = JSON.stringify({
        type: 'assistant',
        message: {
          ...{ id: `msg_${text.length}`, role: 'assistant', content: [{ type: 'text', text }] },
          usage: { input_tokens: 4, cache_creation_input_tokens: 900 * text.length },
        },
      });
      return `cat <<'LINE'\n${line}\nLINE\n`;
    })
    .join('');
}

function uses(id: string, name: string, input: object, output: string): string {
  const call = JSON.stringify({
    type: 'assistant',
    message: { role: 'assistant', content: [{ type: 'tool_use', id, name, input }] },
  });
  const result = JSON.stringify({
    type: 'user',
    message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: output }] },
  });
  return `cat <<'LINE'\n${call}\n${result}\nLINE\n`;
}

const WORK = [
  says('I will make the retry delay honour Retry-After, then cover it with a test.'),
  uses(
    't1',
    'Edit',
    { file_path: 'src/webhooks/deliver.ts', old_string: 'a', new_string: 'b' },
    'The file was updated.',
  ),
  uses(
    't2',
    'Bash',
    { command: 'npm test -- webhooks' },
    '> vitest run webhooks\n\u001b[32m✓\u001b[0m deliver.test.ts (11 tests) 214ms\n\u001b[31m✗\u001b[0m backoff.test.ts (9 tests | \u001b[31m1 failed\u001b[0m) 96ms\n  AssertionError: expected 120000 to be 30000\n Tests  \u001b[31m1 failed\u001b[0m | \u001b[32m19 passed\u001b[0m (20)',
  ),
  says('The header is in seconds and my parser reads it as minutes. Fixing the unit.'),
  uses('t3', 'Bash', { command: 'npm run lint' }, 'eslint: clean'),
].join('');

const done = (summary: string, files: string) =>
  handIn({ outcome: 'done', summary }, files).replace(/"usage":.*"total_cost_usd":0.12/, USAGE);

const SCENES: Readonly<Record<Part, { title: string; project: string; script: string; body?: string }>> = {
  runs: {
    title: 'Rate-limit webhook retries',
    project: 'api',
    script: `${WORK}echo "export const x = 1;" > src/retry.js\nwhile [ ! -f "$FAKE_PLAN/go" ]; do sleep 0.2; done\n${done('Retries wait as told.', 'true')}`,
    body: 'Webhook receivers answer 429 with Retry-After. Honour it.\n\n- AC1: the delay is the one that was asked for\n- AC2: at most one hour',
  },
  approval: {
    title: 'Idempotency keys for /charge',
    project: 'api',
    script: `${WORK}${done('Charges carry an idempotency key.', 'mkdir -p migrations .github; echo "export const key = 1;" > src/charge.js; echo "alter table charges add key text;" > migrations/004.sql')}`,
  },
  fails: {
    title: 'Cart totals with vouchers',
    project: 'web',
    script: `echo 'Starting.'\necho 'cart.spec.ts: expected 3 to be 4'\nexit 1\n`,
  },
  asks: {
    title: 'Examples for the SDK',
    project: 'web',
    script: handIn({
      outcome: 'question',
      question: { text: 'Which licence header for the examples?', options: ['MIT', 'Apache-2.0'] },
    }),
  },
  signedOut: { title: 'Move cron jobs to the queue', project: 'ops', script: 'true' },
  hostile: {
    title: HOSTILE,
    project: 'ops',
    body: `${HOSTILE}\n\n[click](javascript:alert(1)) ![x](http://127.0.0.1:1/x.png)`,
    script: 'true',
  },
  done: {
    title: 'Health endpoint for the worker',
    project: 'docs',
    script: done('A health endpoint.', 'echo "export const ok = true;" > src/health.js'),
  },
};

const DEV = '{ stage: development, agent: developer, tools: write }';
const DEPLOY = '{ stage: deploy, kind: deploy, approval: required, merge: auto }';

/** Makes the first admin by the code that `orch up` prints; the session is as a browser gets it. */
export async function becomeAdmin(app: App): Promise<Line['cookie']> {
  const response = await fetch(`${app.url}/api/v1/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: app.url },
    body: JSON.stringify({ code: app.setupCode, name: 'mara', password: PASSWORD }),
  });
  const [name, value] = (response.headers.get('set-cookie') ?? '').split(';')[0]?.split('=') ?? [];
  if (!response.ok || name === undefined || value === undefined)
    throw new Error(`nobody could sign in: ${response.status} ${await response.text()}`);
  return { name, value };
}

async function latest(app: App, keys: Readonly<Record<Part, string>>, what: 'job' | 'run') {
  const { store } = app.engine;
  const named = Object.entries(keys).map(async ([part, key]): Promise<[string, string]> => {
    const task = await store.task(key);
    const filter = { taskId: task?.id ?? 0, limit: 100 };
    const { items } = what === 'job' ? await store.jobs(filter) : await store.runs(filter);
    return [part, `${what}_${items.at(-1)?.id ?? 0}`];
  });
  return Object.fromEntries(await Promise.all(named)) as Record<Part, string>;
}

const PASSWORD = 'four small words here';
const PATIENCE_MS = 30_000;

/** Starts it in this process. `settled`: waits until every part is where it belongs. */
export async function openLine(
  parts: Pick<AppOptions, 'clock'> = {},
  settings: Readonly<Record<string, string>> = {},
  /** For pictures: without what a stranger wrote. */
  { isPlain = false }: { readonly isPlain?: boolean } = {},
): Promise<Line> {
  const here = install();
  const plan = join(here.root, 'plan');
  const away = join(here.root, 'away');
  mkdirSync(away, { recursive: true });
  const bin = join(here.root, 'claude');
  const project = (key: string, account: string, stages: readonly string[], extra = '') =>
    `  ${key}:\n    repo: ${here.repository}\n    tracker: { kind: local }\n    forge: { kind: local }\n    accounts: [${account}]\n    max_concurrency: 2\n${extra}    pipeline:\n${stages.map((stage) => `      - ${stage}\n`).join('')}`;
  here.writeConfig(`accounts:
  claude-a: { agent: claude-code, home: ${here.agentHome}, bin: ${bin}, slots: 2, env: { FAKE_PLAN: "${plan}" } }
  claude-b: { agent: claude-code, home: ${away}, bin: ${bin}, slots: 2, env: { FAKE_PLAN: "${plan}" } }
projects:
${project('api', 'claude-a', [DEV, DEPLOY], '    budget: { usd_per_day: 120 }\n')}${project('web', 'claude-a', [DEV])}${project('ops', 'claude-b', [DEV, DEPLOY])}${project('docs', 'claude-a', [DEV, '{ stage: deploy, kind: deploy, approval: none, merge: auto }'])}`);
  here.signIn(LOGIN);
  for (const [part, { script }] of Object.entries(SCENES)) writeFileSync(join(plan, `${part}.scene`), script);
  const cases = Object.entries(SCENES)
    .filter(([part]) => part !== 'hostile')
    .map(([part, { title }]) => `  *'${title}') . "$FAKE_PLAN/${part}.scene" ;;`)
    .join('\n');
  here.scene(
    0,
    `title=$(sed -n 's/^## Work item [^:]*: //p' "$FAKE_PLAN/call-$n/prompt")\ncase "$title" in\n${cases}\n  *) sleep 600 ;;\nesac\n`,
  );
  const app = await startInProcess(
    here,
    { looks: LOOKS, ...parts },
    { ORCH_MAX_CONCURRENCY: '4', ...settings },
  );
  const keys: Partial<Record<Part, string>> = {};
  for (const [part, { title: own, project: key, body }] of Object.entries(SCENES)) {
    const title = isPlain && part === 'hostile' ? 'Renew TLS through the gateway' : own;
    const { task } = await app.engine.submit(
      {
        project: key,
        title,
        body: body ?? '',
        stage: null,
        key: null,
        priority: 0,
        urgent: false,
        labels: ['agent'],
        size: null,
        pipeline: null,
      },
      { by: 'mara', surface: 'cli' },
    );
    keys[part as Part] = task.key;
  }
  const known = keys as Record<Part, string>;
  const isAt = async (part: Part, wanted: (status: string, code: string | undefined) => boolean) => {
    const task = await app.engine.store.task(known[part]);
    return task !== null && wanted(task.status, task.reason?.code);
  };
  await waitFor(
    async () =>
      (
        await Promise.all([
          isAt('approval', (_status, code) => code === 'approval.pending'),
          isAt('fails', (status) => status === 'needs_you'),
          isAt('asks', (_status, code) => code === 'question.pending'),
          isAt('done', (status) => status === 'done'),
        ])
      ).every(Boolean),
    PATIENCE_MS,
    async () =>
      (await app.engine.store.tasks({ limit: 20 })).items.map(({ title, stage, status, reason }) => ({
        title,
        stage,
        status,
        reason,
      })),
  );
  return {
    here,
    app,
    cookie: await becomeAdmin(app),
    keys: known,
    jobs: await latest(app, known, 'job'),
    runs: await latest(app, known, 'run'),
    password: PASSWORD,
    signIn(_account, login) {
      mkdirSync(join(away, '.claude'), { recursive: true });
      writeFileSync(join(away, '.claude', '.credentials.json'), JSON.stringify(login), { mode: 0o600 });
    },
    async close() {
      here.go();
      await app.close();
      await here.remove();
    },
  };
}
