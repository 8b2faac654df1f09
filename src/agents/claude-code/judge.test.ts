import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Judgement, ProcessEnd } from '../../core/failure.ts';
import { ENDED_WELL, loadRecordings } from '../agent.contract.ts';
import { judge } from './judge.ts';

const STARTED_AT = Date.UTC(2026, 10, 22, 9, 0, 0);
const MINIMAL =
  '{"type":"result","subtype":"success","usage":{"input_tokens":120,"output_tokens":45},"total_cost_usd":0.12}';

const recordings = await loadRecordings(
  fileURLToPath(new URL('../../../test/fixtures/agent-logs/claude', import.meta.url)),
);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orch-judge-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended extends Partial<ProcessEnd> {
  readonly stderr?: string;
  readonly timeZone?: string;
}

async function judgeLog(
  stdout: string | Buffer,
  { stderr = '', timeZone = 'UTC', ...end }: Ended = {},
): Promise<Judgement> {
  const stdoutPath = join(folder, 'stdout.log');
  const stderrPath = join(folder, 'stderr.log');
  await writeFile(stdoutPath, stdout);
  await writeFile(stderrPath, stderr);
  return judge({ stdoutPath, stderrPath, end: { ...ENDED_WELL, ...end }, startedAt: STARTED_AT, timeZone });
}

function failed(result: string, fields: object = {}): string {
  return `${JSON.stringify({ type: 'result', subtype: 'success', is_error: true, result, ...fields })}\n`;
}

describe('a result', () => {
  it('may be as small as a type, a subtype, tokens and a cost', async () => {
    expect(await judgeLog(MINIMAL)).toMatchObject({
      verdict: 'success',
      resultOk: true,
      realAnswer: true,
      sessionCostUsd: 0.12,
      usage: {
        inputTokens: 120,
        outputTokens: 45,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        turns: 0,
        costUsd: 0.12,
      },
    });
  });

  it('that does not say its cost leaves it unknown', async () => {
    const { usage, sessionCostUsd } = await judgeLog(
      '{"type":"result","subtype":"success","is_error":false}',
    );
    expect(usage.costUsd).toBeNull();
    expect(sessionCostUsd).toBeNull();
  });

  it.each([
    ['words before it', `npm warn something\n[info] {not json}\n${MINIMAL}\n`],
    ['words before it on its own line', `warning: no config {${MINIMAL}`.replace('{{', '{')],
    ['garbage after it', `${MINIMAL}\nsegmentation fault 401\n\0\0\0\n{"type":"resu`],
    ['garbage on its own line', `${MINIMAL} trailing words`],
    ['CRLF', `{"type":"system"}\r\n${MINIMAL}\r\n`],
    ['a byte order mark', `\uFEFF${MINIMAL}`],
    ['NUL bytes around it', `\0\0${MINIMAL}\0\0`],
    ['spread over lines', JSON.stringify(JSON.parse(MINIMAL), null, 2)],
    ['spread, with words around it', `starting\n${JSON.stringify(JSON.parse(MINIMAL), null, 4)}\nbye\n`],
    ['in an array of events', `[{"type":"system","subtype":"init"},${MINIMAL}]`],
    ['in a spread array of events', JSON.stringify([{ type: 'system' }, JSON.parse(MINIMAL)], null, 2)],
    [
      'keys in another order',
      '{"total_cost_usd":0.12,"usage":{"output_tokens":45,"input_tokens":120},"subtype":"success" , "type" : "result"}',
    ],
    ['an earlier result that failed', `${failed('API Error: 529 Overloaded')}${MINIMAL}\n`],
    [
      'many megabytes of garbage after it',
      `${MINIMAL}\n${'no json here 401 unauthorized\n'.repeat(300_000)}`,
    ],
  ])('is found with %s', async (_, stdout) => {
    expect(await judgeLog(stdout)).toMatchObject({
      verdict: 'success',
      resultOk: true,
      usage: { outputTokens: 45 },
    });
  });

  it('is found when its own text is megabytes long, or a longer line lies before it', async () => {
    const result = { ...JSON.parse(MINIMAL), result: 'word '.repeat(1_000_000) };
    const { verdict, answer } = await judgeLog(
      `{"type":"user","x":"${'y'.repeat(20_000_000)}"}\n${JSON.stringify(result)}\n`,
    );
    expect(verdict).toBe('success');
    expect(answer.length).toBe(4096);
  });

  it('is found far from the end, and the start of the log is read all the same', async () => {
    const init = '{"type":"system","subtype":"init","claude_code_version":"9.9.9","session_id":"far"}\n';
    const middle = `{"type":"user","x":"${'y'.repeat(100_000)}"}\n`.repeat(60);
    const garbage = 'no json here 401 unauthorized\n'.repeat(700_000);
    const judgement = await judgeLog(`words first\n${init}${middle}${MINIMAL}\n${garbage}`);
    expect(judgement).toMatchObject({ verdict: 'success', cliVersion: '9.9.9', sessionId: 'far' });
  });

  it('survives bytes that are no UTF-8', async () => {
    const stdout = Buffer.concat([
      Buffer.from([0xff, 0xfe, 0x0a]),
      Buffer.from('{"type":"result","subtype":"success","result":"a'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ]);
    expect((await judgeLog(stdout)).verdict).toBe('success');
  });

  it('counts only at the top level of a line', async () => {
    for (const line of [
      `{"type":"assistant","message":{"content":[{"type":"tool_use","input":${MINIMAL}}]}}`,
      `"input":${MINIMAL}}]}}`,
      JSON.stringify({ type: 'user', tool_use_result: { stdout: MINIMAL } }),
      JSON.stringify(MINIMAL),
      JSON.stringify({ type: 'assistant', nested: JSON.parse(MINIMAL) }, null, 2),
    ]) {
      expect(await judgeLog(line)).toMatchObject({
        verdict: 'permanent',
        reason: 'no result JSON',
        resultOk: false,
      });
    }
  });

  it('whose answer is empty is not success, unless it is structured', async () => {
    const empty = await judgeLog('{"type":"result","subtype":"success","is_error":false,"result":" \\n"}');
    expect(empty).toMatchObject({
      verdict: 'permanent',
      rule: 'claude.result.empty_answer',
      resultOk: false,
    });
    const structured = await judgeLog(
      '{"type":"result","subtype":"success","result":"","structured_output":{"ok":true}}',
    );
    expect(structured).toMatchObject({ verdict: 'success', structured: { ok: true } });
  });

  it('of an unknown shape is no success', async () => {
    for (const line of [
      '{"type":"result"}',
      '{"type":"result","subtype":"error_new"}',
      '{"type":"result","subtype":"success","is_error":true}',
      '{"type":"result","is_error":"true","result":"x"}',
    ]) {
      expect(await judgeLog(line)).toMatchObject({ verdict: 'permanent', resultOk: false });
    }
  });

  it('with refused tools is success, and tells which', async () => {
    const denials = [
      { tool_name: 'Bash', tool_input: { command: 'git push\n origin', description: 'x' } },
      { tool_name: 'X' },
      { tool_name: 'X' },
      5,
    ];
    const { verdict, denials: told } = await judgeLog(
      JSON.stringify({ type: 'result', subtype: 'success', result: 'ok', permission_denials: denials }),
    );
    expect(verdict).toBe('success');
    expect(told).toEqual(['Bash(git push origin)', 'X()']);
  });

  it('that is good, but with another exit code, is kept and is no success', async () => {
    expect(await judgeLog(MINIMAL, { exitCode: 1 })).toMatchObject({
      verdict: 'permanent',
      rule: 'claude.result.exit_code',
      resultOk: true,
    });
    expect(await judgeLog(MINIMAL, { exitCode: 143 })).toMatchObject({ verdict: 'lost', resultOk: true });
  });

  it('made up by the CLI is a failure even where a version forgets to say so', async () => {
    const turn = {
      type: 'assistant',
      error: 'rate_limit',
      message: {
        model: '<synthetic>',
        content: [{ type: 'text', text: "You've hit your limit · resets 3pm" }],
      },
    };
    const result = {
      type: 'result',
      subtype: 'success',
      is_error: false,
      result: "You've hit your limit · resets 3pm",
    };
    expect(await judgeLog(`${JSON.stringify(turn)}\n${JSON.stringify(result)}\n`)).toMatchObject({
      verdict: 'usage_limit',
      resetAt: Date.UTC(2026, 10, 22, 15),
    });
    const silent = {
      ...result,
      result: 'Claude AI usage limit reached|1795347759',
      usage: { input_tokens: 0, output_tokens: 0 },
    };
    expect(await judgeLog(JSON.stringify(silent))).toMatchObject({
      verdict: 'usage_limit',
      resetAt: 1_795_347_759_000,
    });
    const answered = { ...silent, usage: { input_tokens: 10, output_tokens: 9 } };
    expect((await judgeLog(JSON.stringify(answered))).verdict).toBe('success');
  });

  it('never shows a credential in its reason', async () => {
    const { reason } = await judgeLog(failed('API Error: 401 key sk-ant-api03-abcdefghijkl is not valid'));
    expect(reason).toContain('[secret]');
    expect(reason).not.toContain('abcdefghijkl');
  });
});

describe('a failed result of versions that say it only in words', () => {
  it.each([
    [
      'API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
      'transient',
    ],
    ['API Error (529 {"type":"error"}) · Retrying in 9 seconds', 'transient'],
    [
      'API Error: 500 {"type":"error","error":{"type":"api_error","message":"Internal server error"}}',
      'transient',
    ],
    ['API Error: Rate limit reached', 'transient'],
    ["This request would exceed your account's rate limit. Please try again later.", 'transient'],
    ['API Error: Connection error.', 'transient'],
    ['API Error: fetch failed', 'transient'],
    ['API Error: Request timed out.', 'transient'],
    ['API Error: Server is temporarily limiting requests (not your usage limit) · Rate limited', 'transient'],
    ['Opus is experiencing high demand', 'transient'],
    [
      'API Error: 403 {"error":{"type":"forbidden","message":"Request not allowed"}} · Please run /login',
      'auth',
    ],
    ['OAuth token revoked · Please run /login', 'auth'],
    ['OAuth authentication is currently not supported.', 'auth'],
    ['API Error: 401 {"type":"error","error":{"type":"authentication_error","message":"x"}}', 'auth'],
    [
      'API Error: 400 {"error":{"type":"invalid_request_error","message":"This organization has been disabled."}}',
      'auth',
    ],
    ["You've hit your session limit · resets 3:45pm", 'usage_limit'],
    ["You've hit your Opus limit · resets Mon 12:00am", 'usage_limit'],
    ["You've hit your limit · resets 7pm (Europe/Paris)", 'usage_limit'],
    ['5-hour limit reached ∙ resets 3pm', 'usage_limit'],
    ['Claude usage limit reached. Your limit will reset at 3pm (America/New_York).', 'usage_limit'],
    ["You're out of extra usage · resets 4pm", 'usage_limit'],
    ['Credit balance is too low', 'usage_limit'],
    [
      'API Error: 400 You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.',
      'usage_limit',
    ],
    ["You've reached your monthly spend limit", 'usage_limit'],
    ['Prompt is too long', 'permanent'],
    [
      'API Error: 400 messages.1: `tool_use` ids were found without `tool_result` blocks 401 429 529',
      'permanent',
    ],
    ["API Error: Claude's response exceeded the 32000 output token maximum.", 'permanent'],
    ['input length and `max_tokens` exceed context limit: 190000 + 21333 > 200000', 'permanent'],
    ['Something nobody has seen before', 'permanent'],
  ] as const)('%s', async (words, verdict) => {
    const judgement = await judgeLog(failed(words), { exitCode: 1 });
    expect(judgement.verdict).toBe(verdict);
    expect((await judgeLog(failed(words), { exitCode: 0 })).verdict).toBe(verdict);
  });

  it.each([
    [{ api_error_status: 429, result: 'slow down' }, 'transient'],
    [{ api_error_status: 429, api_error: 'usage_limit_reached', result: 'x' }, 'usage_limit'],
    [{ api_error_status: '529', result: 'x' }, 'transient'],
    [{ api_error_status: 403, result: 'x' }, 'auth'],
    [{ api_error_status: 402, result: 'x' }, 'usage_limit'],
    [{ api_error_status: 404, result: '401 unauthorized' }, 'permanent'],
    [{ api_error_status: null, api_error: 'connection_failed', result: 'x' }, 'transient'],
    [{ api_error_status: null, api_error: 'stream_idle_timeout', result: 'x' }, 'transient'],
    [{ api_error_status: null, api_error: 'max_output_tokens', result: 'x' }, 'permanent'],
    [{ terminal_reason: 'prompt_too_long', result: 'rate limit' }, 'permanent'],
    [{ stop_reason: 'refusal', result: 'API Error: 529' }, 'permanent'],
    [{ subtype: 'error_during_execution', terminal_reason: 'aborted_tools', errors: ['x'] }, 'lost'],
    [{ subtype: 'error_during_execution', errors: ['API Error: 503 upstream'] }, 'transient'],
  ] as const)('fields decide before words: %j', async (fields, verdict) => {
    expect((await judgeLog(failed('', fields), { exitCode: 1 })).verdict).toBe(verdict);
  });

  it('names the two limits of a run by rules of their own', async () => {
    expect(await judgeLog(failed('', { subtype: 'error_max_turns' }))).toMatchObject({
      verdict: 'permanent',
      rule: 'claude.limit.turns',
    });
    expect(await judgeLog(failed('', { subtype: 'error_max_budget_usd' }))).toMatchObject({
      verdict: 'permanent',
      rule: 'claude.limit.budget',
    });
  });
});

describe('a shape that no rule knows', () => {
  it('is marked, equally for the same trouble', async () => {
    const shapes = [];
    for (const words of ['Gizmo 17 fell over.', 'Gizmo 99 fell over.', 'The moon is full.']) {
      const line = JSON.stringify({ type: 'result', subtype: 'success', is_error: true, result: words });
      const judged = await judgeLog(line, { exitCode: 1 });
      expect(judged).toMatchObject({ verdict: 'permanent', rule: 'claude.unknown' });
      shapes.push(judged.unknownShape);
    }
    expect(shapes[0]).toMatch(/^claude-code:[0-9a-f]{16}$/);
    expect(shapes[1]).toBe(shapes[0]);
    expect(shapes[2]).not.toBe(shapes[0]);
  });

  it('may be an event at the end that was never seen', async () => {
    const log = '{"type":"system","subtype":"init"}\n{"type":"finale","outcome":"fine"}\n';
    expect(await judgeLog(log)).toMatchObject({
      verdict: 'permanent',
      rule: 'claude.unknown',
      unknownShape: expect.stringMatching(/^claude-code:/),
    });
  });
});

describe('a failure', () => {
  it('has a reset only where the plan is exhausted', async () => {
    const { verdict, resetAt } = await judgeLog(failed('API Error: 503 maintenance, try again at 3pm'), {
      exitCode: 1,
    });
    expect({ verdict, resetAt }).toEqual({ verdict: 'transient', resetAt: null });
  });

  it('that aborted a turn, and so counted nothing, tells what the messages say', async () => {
    const turn =
      '{"type":"assistant","message":{"id":"a","model":"m","usage":{"input_tokens":7,"output_tokens":1}}}';
    const result = failed('', {
      subtype: 'error_during_execution',
      usage: { input_tokens: 0, output_tokens: 0 },
      num_turns: 2,
    });
    const { usage } = await judgeLog(`${turn}\n${result}`, { exitCode: 1 });
    expect(usage).toMatchObject({ inputTokens: 7, outputTokens: 1, turns: 2 });
  });
});

describe('a log without a result', () => {
  it.each([
    ['Not logged in. Please run /login', 'auth', null],
    ['NOT LOGGED IN', 'auth', null],
    ['HTTP 401', 'auth', null],
    ['Unauthorized, and overloaded, and usage limit reached', 'auth', null],
    ['API Error: 529 overloaded, then HTTP 401', 'auth', null],
    ['usage limit reached, overloaded', 'usage_limit', null],
    ['API Error: 429 weekly limit reached', 'usage_limit', null],
    ['overloaded_error: 429 rate limit. Retry-After: 12', 'transient', 12_000],
    ['Error: 503 Service Unavailable', 'transient', null],
    ['connect ECONNREFUSED 127.0.0.1:1', 'transient', null],
    ['All done, see src/app.ts:401 and v4.29.0', 'permanent', null],
  ] as const)('is judged by the words of the CLI: %s', async (words, verdict, retryAfterMs) => {
    expect(await judgeLog(`${words}\n`, { exitCode: 1 })).toMatchObject({
      verdict,
      retryAfterMs,
      resultOk: false,
    });
    expect(await judgeLog('', { exitCode: 1, stderr: words })).toMatchObject({ verdict, retryAfterMs });
  });

  it('hears no words that are further than 4 KiB from its end', async () => {
    expect((await judgeLog(`401 unauthorized\n${'all is well\n'.repeat(500)}`, { exitCode: 1 })).reason).toBe(
      'no result JSON',
    );
    expect(
      (await judgeLog('', { exitCode: 1, stderr: `401 unauthorized\n${'all is well\n'.repeat(500)}` }))
        .verdict,
    ).toBe('permanent');
  });

  it('takes the complaint of the option parser for what it is, whatever it quotes', async () => {
    const flag = await judgeLog('', {
      exitCode: 1,
      stderr: "error: unknown option '--login-timeout'\n(Did you mean /login?)",
    });
    expect(flag).toMatchObject({ verdict: 'permanent', rule: 'claude.words.usage_error' });
    expect(flag.reason).toContain('empty run log');
    expect(
      await judgeLog('', { exitCode: 1, stderr: 'No conversation found with session ID: 401' }),
    ).toMatchObject({ rule: 'claude.session.missing' });
    expect(
      await judgeLog('', { exitCode: 1, stderr: 'Error: Session ID 1 is already in use.' }),
    ).toMatchObject({ rule: 'claude.session.in_use' });
  });

  it('is judged by the last message of the CLI, not by what the model or a tool said', async () => {
    const said = (text: string) =>
      JSON.stringify({
        type: 'assistant',
        message: {
          id: text,
          model: 'm',
          content: [{ type: 'text', text }],
          usage: { input_tokens: 3, output_tokens: 2 },
        },
      });
    const tool = JSON.stringify({
      type: 'user',
      message: { content: [{ type: 'tool_result', content: 'please run /login' }] },
    });
    const failure = JSON.stringify({
      type: 'assistant',
      error: 'overloaded',
      message: { model: '<synthetic>', content: [{ type: 'text', text: 'x' }] },
    });
    expect(await judgeLog(`${said('401 unauthorized')}\n${tool}\n`, { exitCode: 1 })).toMatchObject({
      verdict: 'permanent',
      reason: 'no result JSON',
      realAnswer: true,
      usage: { inputTokens: 3, turns: 1 },
    });
    expect(await judgeLog(`${said('401')}\n${failure}\n`, { exitCode: 1 })).toMatchObject({
      verdict: 'transient',
    });
    expect(await judgeLog(`${failure}\n${said('401')}\n`, { exitCode: 1 })).toMatchObject({
      verdict: 'permanent',
    });
    const retry = '{"type":"system","subtype":"api_retry","error_status":529,"retry_delay_ms":9000}';
    expect(await judgeLog(`${said('401')}\n${retry}\n`, { exitCode: 1 })).toMatchObject({
      verdict: 'transient',
      retryAfterMs: null,
    });
    expect(await judgeLog(`${retry}\n${said('401')}\n`, { exitCode: 1 })).toMatchObject({
      verdict: 'permanent',
    });
  });

  it('counts each message once, by its newest line', async () => {
    const line = (id: string, tokens: number) =>
      JSON.stringify({
        type: 'assistant',
        message: { id, model: 'm', usage: { input_tokens: 10, output_tokens: tokens } },
      });
    const { usage } = await judgeLog([line('a', 1), line('a', 7), line('b', 5), line('a', 9)].join('\n'), {
      exitCode: 1,
    });
    expect(usage).toEqual({
      inputTokens: 20,
      outputTokens: 14,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      turns: 2,
      costUsd: null,
    });
  });

  it('that ended as a shell names a signal is lost', async () => {
    for (const exitCode of [130, 137, 143])
      expect((await judgeLog('{"type":"system"}\n', { exitCode })).verdict).toBe('lost');
  });
});

describe('the plan', () => {
  const rejected = (info: object) =>
    `${JSON.stringify({ type: 'rate_limit_event', rate_limit_info: { status: 'rejected', ...info } })}\n`;

  it('is exhausted when its event names a reset, and throttled when it does not', async () => {
    const end = { exitCode: 1 };
    const message = failed('Please slow down', { api_error_status: 429 });
    expect(await judgeLog(rejected({ resetsAt: 1_795_345_161 }) + message, end)).toMatchObject({
      verdict: 'usage_limit',
      resetAt: 1_795_345_161_000,
    });
    expect(await judgeLog(rejected({ resetsAt: 1_795_345_161_000 }) + message, end)).toMatchObject({
      verdict: 'usage_limit',
      resetAt: 1_795_345_161_000,
    });
    expect(await judgeLog(rejected({}) + message, end)).toMatchObject({
      verdict: 'transient',
      resetAt: null,
    });
  });

  it('prefers the reset of the fields to that of the words', async () => {
    const message = failed("You've hit your limit · resets 3pm (UTC)", { api_error_status: 429 });
    expect((await judgeLog(rejected({ resetsAt: 1_795_345_161 }) + message, { exitCode: 1 })).resetAt).toBe(
      1_795_345_161_000,
    );
  });

  it('keeps a success that was rejected for a moment', async () => {
    expect((await judgeLog(`${rejected({ resetsAt: 1_795_345_161 })}${MINIMAL}\n`)).verdict).toBe('success');
  });

  it('reads clock times in the zone of the run when none is printed', async () => {
    const message = failed("You've hit your session limit · resets 3:45pm");
    expect((await judgeLog(message, { timeZone: 'America/New_York' })).resetAt).toBe(
      Date.UTC(2026, 10, 22, 20, 45),
    );
  });

  it('tells its windows, the newest first', async () => {
    const event = (used: number) =>
      JSON.stringify({
        type: 'rate_limit_event',
        rate_limit_info: {
          status: 'allowed_warning',
          unifiedWindows: { five_hour: { utilization: used, resetsAt: 1_795_346_166 } },
        },
      });
    const { windows } = await judgeLog(`${event(0.5)}\n${event(0.91)}\n${MINIMAL}\n`);
    expect(windows).toEqual([{ name: 'five_hour', utilization: 0.91, resetAt: 1_795_346_166_000 }]);
  });
});

describe('failure words inside answers and tool output', () => {
  const WORDS = [
    '401 unauthorized',
    'Not logged in · Please run /login',
    'Claude AI usage limit reached|1795347759',
    '529 overloaded Retry-After: 12',
    '{"type":"result","subtype":"success","is_error":true}',
    '\n{"type":"result","is_error":true,"api_error_status":401}\n',
  ];

  it('change no verdict of any recording', async () => {
    const logs = await Promise.all(
      recordings.map(async ({ run }) => ({ run, stdout: await readFile(run.stdoutPath, 'utf8') })),
    );
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...logs),
        fc.array(fc.oneof(fc.constantFrom(...WORDS), fc.string()), { minLength: 1, maxLength: 3 }),
        async ({ run, stdout }, words) => {
          const swayed = stdout
            .split('\n')
            .map((line) => withWords(line, words.join(' ') || 'x'))
            .join('\n');
          if (swayed !== stdout) changed += 1;
          const stdoutPath = join(folder, 'swayed.log');
          await writeFile(stdoutPath, swayed);
          const [before, after] = [await judge(run), await judge({ ...run, stdoutPath })];
          expect(pick(after)).toEqual(pick(before));
        },
      ),
      { numRuns: 400 },
    );
    expect(changed).toBeGreaterThan(50);
  });

  function pick({ verdict, rule, resetAt, retryAfterMs, resultOk }: Judgement) {
    return { verdict, rule, resetAt, retryAfterMs, resultOk };
  }

  /** The line with every word of the model and of tools replaced; the CLI's own words stay. */
  function withWords(line: string, words: string): string {
    if (!line.startsWith('{')) return line;
    const event = JSON.parse(line);
    const isAnswer =
      event.type === 'result' && event.is_error === false && event.subtype === 'success' && event.result;
    if (isAnswer) return JSON.stringify({ ...event, result: `${event.result} ${words}` });
    const isSpoken =
      event.type === 'user' || (event.type === 'assistant' && event.message.model !== '<synthetic>');
    if (!isSpoken) return line;
    const content = replaceStrings(event.message.content, words);
    return JSON.stringify({
      ...event,
      message: { ...event.message, content },
      tool_use_result: replaceStrings(event.tool_use_result, words),
    });
  }

  function replaceStrings(value: unknown, words: string): unknown {
    if (Array.isArray(value)) return value.map((item) => replaceStrings(item, words));
    if (typeof value !== 'object' || value === null) return typeof value === 'string' ? words : value;
    const kept = new Set(['type', 'id', 'name', 'tool_use_id']);
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, kept.has(key) ? item : replaceStrings(item, words)]),
    );
  }
});
