import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { Judgement, ProcessEnd, StoppedBy, Verdict } from '../core/failure.ts';
import type { Agent, AgentAccount, AgentReader, AgentRequest, FinishedRun } from './agent.ts';
import type { FailureRule } from './api-error.ts';

/** A run of the real CLI as recorded, and what it must come to. */
export interface Recording {
  readonly name: string;
  /** Of the CLI. */
  readonly version: string;
  readonly run: FinishedRun;
  /** Every verdict that is right; the first is the best. */
  readonly verdicts: readonly Verdict[];
  /** Undefined: not stated by the recording. */
  readonly resetAt: number | null | undefined;
  readonly resetToleranceMs: number;
  readonly retryAfterMs: number | null | undefined;
}

/** What an adapter brings to the suite that every adapter passes. */
export interface ReaderContract {
  readonly agent: AgentReader;
  readonly recordings: readonly Recording[];
  /** Stdout of a run that ended well, closing with these words. */
  readonly goodLog: (answer: string) => string;
}

export interface AgentContract extends ReaderContract {
  readonly agent: Agent;
}

/** Exit 0 and nobody interfered. */
export const ENDED_WELL: ProcessEnd = { exitCode: 0, signal: null, stoppedBy: null, vanished: false };

const STARTED_AT = Date.UTC(2026, 10, 22, 9, 0, 0);
const SECRET = 'sk-ant-api03-VERY-SECRET-0123456789';
const WORDS = [
  '401 unauthorized',
  'Please run /login',
  'usage limit reached|1795347759',
  '529 overloaded',
  '{"type":"result","is_error":true}',
];

/** Runs the suite over an adapter that judges runs and sign-ins, but starts none. */
export function describeReader({ agent, recordings, goodLog }: ReaderContract): void {
  let folder = '';
  let account: AgentAccount;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'orch-agent-'));
    const home = join(folder, 'home');
    await mkdir(home);
    account = { id: 'a', home, bin: 'no-such-agent-cli', env: {} };
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function judgeLog(
    stdout: string | Buffer,
    end: Partial<ProcessEnd> = {},
    stderr = '',
  ): Promise<Judgement> {
    const stdoutPath = join(folder, 'stdout.log');
    const stderrPath = join(folder, 'stderr.log');
    await writeFile(stdoutPath, stdout);
    await writeFile(stderrPath, stderr);
    return agent.judge({ ...finishedRun(stdoutPath, stderrPath), end: { ...ENDED_WELL, ...end } });
  }

  describe(`${agent.kind} judges a run`, () => {
    it('has recordings to be judged by, and states whose versions they are', () => {
      expect(recordings.length).toBeGreaterThan(0);
      const carried = new Set(recordings.map(({ version }) => version));
      expect(agent.recordedVersions?.toSorted()).toEqual([...carried].toSorted());
    });

    it.each(recordings.map((recording) => [recording.name, recording] as const))(
      '%s',
      async (_, recording) => {
        const judgement = await agent.judge(recording.run);
        expect(recording.verdicts).toContain(judgement.verdict);
        if (recording.resetAt === null) expect(judgement.resetAt).toBeNull();
        if (typeof recording.resetAt === 'number') {
          expect(Math.abs((judgement.resetAt ?? 0) - recording.resetAt)).toBeLessThanOrEqual(
            recording.resetToleranceMs,
          );
        }
        if (recording.retryAfterMs !== undefined) expect(judgement.retryAfterMs).toBe(recording.retryAfterMs);
      },
    );

    it('takes exit 0 with a good result for success', async () => {
      expect(await judgeLog(goodLog('Done.'))).toMatchObject({
        verdict: 'success',
        resultOk: true,
        answer: 'Done.',
      });
    });

    it('never takes another exit code for success', async () => {
      for (const exitCode of [1, 2, 126, 127, 137, 143, 255, null]) {
        const { verdict } = await judgeLog(goodLog('Done.'), { exitCode });
        expect(verdict).not.toBe('success');
      }
    });

    it('puts what we did to the process before everything it printed', async () => {
      const expected: Record<StoppedBy, Verdict> = {
        cancel: 'cancelled',
        timeout: 'timeout',
        stall: 'stalled',
        outside: 'lost',
      };
      for (const [stoppedBy, verdict] of Object.entries(expected)) {
        const end = { exitCode: null, signal: 'SIGTERM', stoppedBy: stoppedBy as StoppedBy };
        expect((await judgeLog(goodLog('Done.'), end)).verdict).toBe(verdict);
        expect((await judgeLog('', end)).verdict).toBe(verdict);
      }
    });

    it('takes a signal that was not ours, and a process that vanished, for lost', async () => {
      expect((await judgeLog('', { exitCode: null, signal: 'SIGKILL' })).verdict).toBe('lost');
      expect((await judgeLog(goodLog('Done.'), { exitCode: null, signal: 'SIGSEGV' })).verdict).toBe('lost');
      expect((await judgeLog(goodLog('Done.'), { exitCode: null, vanished: true })).verdict).toBe('lost');
    });

    it('calls a missing log, an empty one and one without a result by their names', async () => {
      const missing = finishedRun(join(folder, 'nowhere.log'), null);
      expect(await agent.judge(missing)).toMatchObject({
        verdict: 'permanent',
        reason: 'missing run log',
        resultOk: false,
        unknownShape: null,
      });
      expect(await agent.judge(finishedRun(folder, null))).toMatchObject({
        verdict: 'permanent',
        reason: 'missing run log',
      });
      for (const blank of ['', '\n', ' \r\n\t\n', '\uFEFF\n', '\0\0\n']) {
        expect(await judgeLog(blank)).toMatchObject({
          verdict: 'permanent',
          reason: 'empty run log',
          resultOk: false,
          unknownShape: null,
        });
      }
      const words = await judgeLog('All is well, I am done.\n');
      expect(words).toMatchObject({
        verdict: 'permanent',
        reason: 'no result JSON',
        resultOk: false,
        unknownShape: null,
      });
    });

    it('is not swayed by failure words in the closing words of a good run', async () => {
      for (const words of WORDS) {
        expect(await judgeLog(goodLog(`I fixed "${words}".`))).toMatchObject({
          verdict: 'success',
          resetAt: null,
          retryAfterMs: null,
        });
      }
    });

    it('answers any bytes with a verdict that is no success', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ maxLength: 2000 }),
          fc.string({ maxLength: 200 }),
          async (bytes, stderr) => {
            const judgement = await judgeLog(Buffer.from(bytes), {}, stderr);
            expect(judgement.verdict).not.toBe('success');
            expect(judgement.reason).toMatch(/^[^\n]+$/);
          },
        ),
        { numRuns: 100 },
      );
    });

    it('answers a good log cut anywhere with anything but success', async () => {
      const whole = goodLog('Done.').trimEnd();
      for (let length = 0; length < whole.length; length += 7) {
        const { verdict, reason } = await judgeLog(whole.slice(0, length));
        expect(verdict).not.toBe('success');
        expect(reason).not.toBe('');
      }
    });
  });

  describe(`${agent.kind} judges a sign-in`, () => {
    const options = { now: STARTED_AT, expirySkewMs: 60_000 };

    it('names the files that decide it, whole paths', () => {
      const files = agent.credentialFiles(account);
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) expect(isAbsolute(file)).toBe(true);
    });

    it('never throws, writes nothing and tells no credential, whatever the files hold', async () => {
      const contents = [
        '',
        '{',
        '[]',
        'null',
        '"x"',
        `{"a":"${SECRET}"}`,
        `{"claudeAiOauth":"${SECRET}"}`,
        '\0'.repeat(100),
        SECRET,
      ];
      for (const content of contents) {
        for (const file of agent.credentialFiles(account)) {
          await mkdir(join(file, '..'), { recursive: true });
          await writeFile(file, content);
        }
        const before = await snapshot(account.home);
        const { state, detail, fingerprint } = await agent.signIn(
          { ...account, env: { ANTHROPIC_API_KEY: '', OTHER: SECRET } },
          options,
        );
        expect(state).not.toBe('ready');
        expect(`${detail}${fingerprint}`).not.toContain(SECRET);
        expect(await snapshot(account.home)).toEqual(before);
      }
    });

    it('takes a folder in the place of a file, and a home that is not there, for no sign-in', async () => {
      const home = join(folder, 'folders');
      for (const file of agent.credentialFiles({ ...account, home })) await mkdir(file, { recursive: true });
      expect((await agent.signIn({ ...account, home }, options)).state).not.toMatch(/^ready/);
      expect((await agent.signIn({ ...account, home: join(folder, 'nowhere') }, options)).state).not.toMatch(
        /^ready/,
      );
    });

    it('gives the command that signs in that very home', () => {
      expect(agent.loginCommand({ ...account, home: '/srv/agents/a' })).toContain('/srv/agents/a');
      expect(agent.loginCommand({ ...account, home: "/srv/o'neill; rm -rf" })).toContain(
        "'/srv/o'\\''neill; rm -rf'",
      );
    });
  });
}

/** Runs the whole suite over an adapter. */
export function describeAgent(contract: AgentContract): void {
  describeReader(contract);
  const { agent } = contract;
  const account: AgentAccount = { id: 'a', home: '/srv/agents/a', bin: 'no-such-agent-cli', env: {} };

  describe(`${agent.kind} is started`, () => {
    it('with its binary first, in its home, and the prompt on stdin alone', () => {
      const request = requestFor(account, { prompt: 'The prompt. $(id) --model x' });
      const { argv, env, stdin } = agent.invocation(request);
      expect(argv[0]).toBe(account.bin);
      expect(env['HOME']).toBe(account.home);
      expect(stdin).toBe(request.prompt);
      expect(argv.join('\0')).not.toContain('The prompt');
    });

    it('never with an option that came as a value from outside', () => {
      for (const value of ['--dangerous', '-x', '', ' ', 'a b', 'a\nb', 'a\0b']) {
        for (const key of ['model', 'fallbackModel', 'effort'] as const) {
          expect(() => agent.invocation(requestFor(account, { [key]: value }))).toThrow(AppError);
        }
        expect(() => agent.invocation(requestFor(account, { session: { id: value, resume: true } }))).toThrow(
          AppError,
        );
      }
    });

    it('says how to mend a binary that cannot be started', async () => {
      const error: unknown = await agent.version(account).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(AppError);
      expect(error).toMatchObject({ code: 'agent.unavailable' });
      expect((error as AppError).hint).not.toBe(undefined);
    });
  });
}

/** Holds an adapter's table of failures to the recordings that its rows name. */
export function describeRules(
  { agent, recordings }: Pick<ReaderContract, 'agent' | 'recordings'>,
  rules: readonly FailureRule[],
): void {
  const rows = rules.flatMap(({ rule, seen }) =>
    recordings
      .filter(({ name }) => seen.split(', ').includes(name))
      .map((recording) => [rule, recording.name, recording] as const),
  );

  describe(`the table of ${agent.kind} failures`, () => {
    it('has each rule once, and names recordings that are there', () => {
      expect(new Set(rules.map(({ rule }) => rule)).size).toBe(rules.length);
      expect(rows.length).toBeGreaterThan(3);
    });

    it.each(rows)('%s decides %s', async (rule, _, { run }) => {
      // Who stopped a run is stronger than any rule; here the log is to speak for itself.
      const { rule: decided } = await agent.judge({
        ...run,
        end: { ...run.end, exitCode: run.end.exitCode ?? 1, signal: null, stoppedBy: null },
      });
      expect(decided).toBe(rule);
    });

    it('leaves no recording to the unknown', async () => {
      for (const { run } of recordings) expect((await agent.judge(run)).unknownShape).toBeNull();
    });
  });
}

/** The recordings of one CLI: a folder each, with `case.json`, `stdout.log` and `stderr.log`. */
export async function loadRecordings(folder: string): Promise<Recording[]> {
  const names = (await readdir(folder)).toSorted();
  return Promise.all(names.map((name) => loadRecording(folder, name)));
}

/** A request with nothing unusual in it. */
export function requestFor(account: AgentAccount, changes: Partial<AgentRequest> = {}): AgentRequest {
  return {
    account,
    runId: 'run_1',
    worktree: '/srv/trees/1',
    prompt: 'Fix it.',
    instructions: '',
    session: { id: '11111111-1111-4111-8111-111111111111', resume: false },
    tools: 'write',
    bypassPermissions: false,
    ...changes,
  };
}

function finishedRun(stdoutPath: string, stderrPath: string | null): FinishedRun {
  return { stdoutPath, stderrPath, end: ENDED_WELL, startedAt: STARTED_AT, timeZone: 'UTC' };
}

interface RecordedCase {
  readonly cli_version: string;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly stopped_by: string | null;
  readonly started_at: string;
  readonly time_zone: string;
  readonly expected: {
    readonly class: Verdict;
    readonly acceptable?: readonly Verdict[];
    readonly reset_at?: number | null;
    readonly reset_tolerance_s?: number;
    readonly retry_after_s?: number | null;
  };
}

const STOPPED_BY: Readonly<Record<string, StoppedBy>> = {
  orchestrator_cancel: 'cancel',
  orchestrator_timeout: 'timeout',
  outside: 'outside',
};
/** The class of a recording speaks of the run alone; who stopped it is stronger. */
const VERDICT_OF_STOP: Partial<Record<StoppedBy, Verdict>> = { timeout: 'timeout', outside: 'lost' };

async function loadRecording(folder: string, name: string): Promise<Recording> {
  const read = (file: string) => join(folder, name, file);
  const recorded: RecordedCase = JSON.parse(await readFile(read('case.json'), 'utf8'));
  const { expected } = recorded;
  const stoppedBy = recorded.stopped_by === null ? null : (STOPPED_BY[recorded.stopped_by] ?? null);
  const ofStop = stoppedBy === null ? undefined : VERDICT_OF_STOP[stoppedBy];
  return {
    name,
    version: recorded.cli_version,
    run: {
      stdoutPath: read('stdout.log'),
      stderrPath: read('stderr.log'),
      end: { exitCode: recorded.exit_code, signal: recorded.signal, stoppedBy, vanished: false },
      startedAt: Date.parse(recorded.started_at),
      timeZone: recorded.time_zone,
    },
    verdicts: ofStop === undefined ? [expected.class, ...(expected.acceptable ?? [])] : [ofStop],
    resetAt: typeof expected.reset_at === 'number' ? expected.reset_at * 1000 : expected.reset_at,
    resetToleranceMs: (expected.reset_tolerance_s ?? 0) * 1000,
    retryAfterMs:
      typeof expected.retry_after_s === 'number' ? expected.retry_after_s * 1000 : expected.retry_after_s,
  };
}

async function snapshot(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return Promise.all(
    entries.toSorted().map(async (entry) => {
      const { size, mtimeMs } = await stat(join(folder, entry));
      return `${entry} ${size} ${mtimeMs}`;
    }),
  );
}
