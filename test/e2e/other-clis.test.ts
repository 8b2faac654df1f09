import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Installation, install, waitFor } from '../support/orch.ts';
import { projectRoot } from '../support/requirements.ts';

/** A CLI beside Claude Code, as a fake: what it prints, and where it keeps what Orch looks at. */
interface Cli {
  readonly kind: string;
  readonly version: string;
  /** The login of the home. */
  readonly login: readonly [path: string, content: string];
  readonly sessionId: string;
  /** Shell that leaves the session behind as the CLI does. */
  readonly keepSession: string;
  readonly good: readonly object[];
  readonly failed: (message: string, status: number) => readonly object[];
  /** Arguments, one a line, with which a session goes on. */
  readonly resumed: string;
  readonly env: string;
}

const thread = '01a20285-ca7c-70e0-b946-c81362cac9b5';
const session = 'ses_dfd74abc0ffeIdeEF3bIDKd03X';
const at = { timestamp: 1795339016640, sessionID: session };
const CLIS: readonly Cli[] = [
  {
    kind: 'codex',
    version: '0.169.0',
    login: ['.codex/auth.json', JSON.stringify({ auth_mode: 'apikey', OPENAI_API_KEY: 'sk-FAKE' })],
    sessionId: thread,
    keepSession: `mkdir -p "$HOME/.codex/sessions/2026/11/22"\necho '{}' >"$HOME/.codex/sessions/2026/11/22/rollout-2026-11-22T09-00-00-${thread}.jsonl"`,
    good: [
      { type: 'thread.started', thread_id: thread },
      { type: 'turn.started' },
      { type: 'item.completed', item: { type: 'agent_message', text: 'Done.' } },
      { type: 'turn.completed', usage: { input_tokens: 120, cached_input_tokens: 0, output_tokens: 45 } },
    ],
    failed: (message, status) => [
      { type: 'thread.started', thread_id: thread },
      { type: 'turn.started' },
      {
        type: 'turn.failed',
        error: { message: status === 429 ? message : `unexpected status ${status}: ${message}` },
      },
    ],
    resumed: `resume\n${thread}\n-`,
    env: '',
  },
  {
    kind: 'opencode',
    version: '1.18.33',
    login: [
      '.local/share/opencode/auth.json',
      JSON.stringify({ anthropic: { type: 'api', key: 'sk-FAKE' } }),
    ],
    sessionId: session,
    keepSession: `echo 'SQLite ${session}' >"$HOME/.local/share/opencode/opencode.db"`,
    good: [
      { type: 'step_start', ...at, part: { messageID: 'm1' } },
      { type: 'text', ...at, part: { messageID: 'm1', text: 'Done.' } },
      {
        type: 'step_finish',
        ...at,
        part: { messageID: 'm1', reason: 'stop', tokens: { input: 120, output: 45 }, cost: 0.12 },
      },
    ],
    failed: (message, statusCode) => [
      {
        type: 'error',
        ...at,
        error: { name: 'APIError', data: { message, statusCode, isRetryable: false } },
      },
    ],
    resumed: `-s\n${session}`,
    env: 'OPENCODE_PERMISSION={"*":"deny"',
  },
];

let here: Installation;
afterEach(() => here.remove());

function installCli(cli: Cli, pipeline: readonly string[], env: Record<string, string> = {}): void {
  here = install({ env });
  cpSync(join(projectRoot, 'test/fakes', `${cli.kind}.sh`), join(here.root, cli.kind));
  const [path, content] = cli.login;
  mkdirSync(dirname(join(here.agentHome, path)), { recursive: true });
  writeFileSync(join(here.agentHome, path), content);
  here.writeConfig(`accounts:
  other: { agent: ${cli.kind}, home: ${here.agentHome}, bin: ${join(here.root, cli.kind)}, env: { FAKE_PLAN: "${here.root}/plan" } }
projects:
  p:
    repo: ${here.repository}
    tracker: { kind: local }
    forge: { kind: local }
    accounts: [other]
    pipeline:
${pipeline.map((stage) => `      - ${stage}\n`).join('')}`);
}

const printed = (events: readonly object[]) =>
  `cat <<'LOG'\n${events.map((event) => JSON.stringify(event)).join('\n')}\nLOG\n`;

/** A scene that hands in a verdict and ends well. */
function handIn(cli: Cli, verdict: object, extra = ''): string {
  const json = JSON.stringify({ schema: 'orch.verdict/1', run: '@RUN@', summary: 'ok', ...verdict });
  return `mkdir -p .orch-work\n${extra}\nsed "s/@RUN@/$ORCH_RUN_ID/" > .orch-work/verdict.json <<'JSON'\n${json}\nJSON\n${printed(cli.good)}`;
}

describe.each(CLIS.map((cli) => [cli.kind, cli] as const))('an account of %s', (_, cli) => {
  it('develops, goes on with its session after a server error, is reviewed, and the task is done', async () => {
    installCli(cli, [
      '{ stage: development, agent: developer, tools: write, effort: high }',
      '{ stage: review, agent: reviewer, tools: read, on_reject: development }',
    ]);
    here.scene(1, `${cli.keepSession}\n${printed(cli.failed('It is down.', 503))}exit 1\n`);
    here.scene(2, handIn(cli, { outcome: 'done' }, 'echo "export const n = 1;" > src/new.js'));
    here.scene(0, handIn(cli, { outcome: 'approve' }));
    await here.up();
    const key = await here.submit('Greet');
    const reaches = (status: string) =>
      waitFor(
        async () => (await here.task(key)).status === status,
        30_000,
        async () => (await here.task(key)).jobs.map((job) => [job.stage, job.status, job.error]),
      );
    await reaches('needs_you');
    expect((await here.orch('approve', key)).code).toBe(0);
    await reaches('done');

    const runs = (await here.runs()).filter((run) => run.cli !== null);
    expect(runs.filter((run) => run.verdict === 'success')).toHaveLength(2);
    expect(runs.filter((run) => run.verdict === 'transient')).toHaveLength(1);
    for (const run of runs)
      expect(run).toMatchObject({ cli: { kind: cli.kind, version: cli.version }, sessionId: cli.sessionId });
    expect(here.call(1).argv).not.toContain(cli.resumed);
    expect(here.call(2).argv.trimEnd()).toContain(cli.resumed);
    expect(here.call(3).argv).not.toContain(cli.resumed);
    expect(here.call(1).prompt).toContain('Greet');
    expect(here.call(1).env).toContain(cli.env);
    expect(here.call(1).env).not.toMatch(/^ORCH_(?:HOME|CONFIG)=/m);
  });

  it('is held at its usage limit until the stated reset, and the attempt is given back', async () => {
    installCli(cli, ['{ stage: development, agent: developer, tools: write }'], {
      ORCH_PROBE_INTERVAL_SECONDS: '3600',
    });
    here.scene(
      0,
      `${printed(cli.failed("You've hit your usage limit. Try again in 2 hours.", 429))}exit 1\n`,
    );
    await here.up();
    const before = Date.now();
    const id = await here.enqueue();
    const held = await waitFor(async () => {
      const seen = await here.job(id);
      return seen.hold?.code === 'account.limit' ? seen : null;
    });
    expect(held).toMatchObject({ status: 'queued', attempts: 0, hold: { state: 'waiting' } });
    const waitMs = Date.parse(held.hold?.clearsAt ?? '') - before;
    expect(Math.abs(waitMs - 7_200_000)).toBeLessThan(60_000);
    expect(here.calls()).toBe(1);
  });
});

describe('an account of a CLI that is only judged', () => {
  it('is refused by the configuration, with the agents there are', async () => {
    here = install();
    const yaml = readFileSync(join(here.root, 'orch.yaml'), 'utf8');
    here.writeConfig(yaml.replace('agent: claude-code', 'agent: gemini'));
    const { code, stderr } = await here.orch('config');
    expect(code).not.toBe(0);
    expect(stderr).toContain('accounts.claude-a.agent');
    expect(stderr).toContain('orch verdict');
    expect(stderr).toContain('use claude-code, codex, opencode, scripted');
  });
});
