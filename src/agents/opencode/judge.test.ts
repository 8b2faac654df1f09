import { describe, expect, it } from 'vitest';
import { judgeRun, RUN_STARTED_AT } from '../test-kit.ts';
import { opencode } from './opencode.ts';

const agent = opencode.create();
const at = { timestamp: RUN_STARTED_AT + 60_000, sessionID: 'ses_dfd74abc0ffeIdeEF3bIDKd03X' };
const part = (messageID: string, more: object) => ({ messageID, ...more });
const begin = (message: string) => ({
  type: 'step_start',
  ...at,
  part: part(message, { type: 'step-start' }),
});
const words = (message: string, text: string) => ({
  type: 'text',
  ...at,
  part: part(message, { type: 'text', text }),
});
const finish = (message: string, reason: string) => ({
  type: 'step_finish',
  ...at,
  part: part(message, {
    reason,
    tokens: { input: 100, output: 10, reasoning: 5, cache: { read: 7, write: 3 } },
    cost: 0.01,
  }),
});
const tool = (state: object) => ({
  type: 'tool_use',
  ...at,
  part: { tool: 'bash', type: 'tool', messageID: 'm1', state },
});
const failed = (name: string, data: object) => ({ type: 'error', ...at, error: { name, data } });
const api = (statusCode: number, more: object = {}) =>
  failed('APIError', { message: 'It failed.', statusCode, isRetryable: false, ...more });

describe('an error event', () => {
  it.each<[string, object, string]>([
    ['401', api(401), 'auth'],
    ['403', api(403), 'auth'],
    [
      'a provider without login',
      failed('ProviderAuthError', { providerID: 'anthropic', message: 'no' }),
      'auth',
    ],
    ['402', api(402), 'usage_limit'],
    ['429', api(429), 'transient'],
    [
      'a 429 that names the quota',
      api(429, { responseBody: '{"error":{"type":"insufficient_quota","message":"x"}}' }),
      'usage_limit',
    ],
    ['529', api(529), 'transient'],
    ['500 as HTML', api(500, { responseBody: '<html>401</html>' }), 'transient'],
    ['413', api(413), 'permanent'],
    ['400', api(400), 'permanent'],
    ['a context that is full', failed('ContextOverflowError', { message: 'too long' }), 'permanent'],
    [
      'no answer at all',
      failed('APIError', { message: 'Cannot connect to API', isRetryable: true }),
      'transient',
    ],
    [
      'no network',
      failed('UnknownError', { message: 'Unable to connect. Is the computer able to access the url?' }),
      'transient',
    ],
    ['an unknown model', failed('UnknownError', { message: 'Model not found: fake/nope.' }), 'permanent'],
    [
      'an unexpected error',
      failed('UnknownError', { message: 'Unexpected server error. Check server logs for details.' }),
      'permanent',
    ],
    ['an interrupt that was not ours', failed('MessageAbortedError', { message: 'Aborted' }), 'lost'],
  ])('%s', async (_, event, verdict) => {
    const judged = await judgeRun(agent, { stdout: [begin('m1'), event] });
    expect(judged).toMatchObject({ verdict, sessionId: at.sessionID, unknownShape: null });
    expect((await judgeRun(agent, { stdout: [begin('m1'), event], end: { exitCode: 0 } })).verdict).toBe(
      verdict,
    );
  });

  it('of a plan that its headers reject says when it resets', async () => {
    const reset = RUN_STARTED_AT / 1000 + 7200;
    const headers = {
      'Anthropic-RateLimit-Unified-Status': 'rejected',
      'Anthropic-RateLimit-Unified-Reset': String(reset),
      'retry-after': '7140',
    };
    expect(await judgeRun(agent, { stdout: [api(429, { responseHeaders: headers })] })).toMatchObject({
      verdict: 'usage_limit',
      resetAt: reset * 1000,
      retryAfterMs: 7_140_000,
    });
  });

  it.each([
    [{ 'retry-after': '12' }, 12_000],
    [{ 'Retry-After': 'Sun, 22 Nov 2026 09:01:30 GMT' }, 30_000],
    [{ 'retry-after-ms': '1500', 'retry-after': '2' }, 1500],
    [{}, null],
  ])('%j says how long to wait: %s', async (responseHeaders, expected) => {
    const judged = await judgeRun(agent, { stdout: [api(429, { responseHeaders })] });
    expect([judged.verdict, judged.retryAfterMs]).toEqual(['transient', expected]);
  });

  it('of no known name is told as a shape', async () => {
    const judged = await judgeRun(agent, { stdout: [failed('GizmoError', { message: 'It fell over.' })] });
    expect(judged).toMatchObject({ verdict: 'permanent', rule: 'opencode.unknown' });
    expect(judged.unknownShape).toMatch(/^opencode:/);
  });
});

describe('a run', () => {
  it('counts tokens and cost of all its steps, however long it was', async () => {
    const long = tool({ status: 'completed', input: {}, output: 'x'.repeat(6 * 1024 * 1024) });
    const stdout = [
      begin('m1'),
      finish('m1', 'tool-calls'),
      long,
      begin('m2'),
      words('m2', 'Done.'),
      finish('m2', 'stop'),
    ];
    expect(await judgeRun(agent, { stdout, end: { exitCode: 0 } })).toMatchObject({
      verdict: 'success',
      answer: 'Done.',
      usage: {
        inputTokens: 200,
        outputTokens: 30,
        cacheReadTokens: 14,
        cacheWriteTokens: 6,
        turns: 2,
        costUsd: 0.02,
      },
    });
  });

  it.each<[string, object[], string]>([
    ['stopped by a refused tool', [begin('m1'), finish('m1', 'tool-calls')], 'opencode.result.unfinished'],
    ['that said nothing', [begin('m1'), finish('m1', 'stop')], 'opencode.result.empty_answer'],
    [
      'over the output limit',
      [begin('m1'), words('m1', 'a'), finish('m1', 'length')],
      'opencode.step.length',
    ],
    ['that was filtered', [begin('m1'), finish('m1', 'content-filter')], 'opencode.step.filtered'],
    ['in the middle of a step', [begin('m1'), words('m1', 'I will')], 'opencode.result.unfinished'],
    [
      'that went on after it had stopped',
      [words('m1', 'a'), finish('m1', 'stop'), begin('m2')],
      'opencode.result.unfinished',
    ],
  ])('%s is no success with exit 0', async (_, stdout, rule) => {
    expect(await judgeRun(agent, { stdout, end: { exitCode: 0 } })).toMatchObject({
      verdict: 'permanent',
      rule,
    });
  });

  it('tells which tools were refused, and is not judged by what its tools printed', async () => {
    const stdout = [
      begin('m1'),
      tool({
        status: 'error',
        input: { command: 'git push' },
        error: 'The user has specified a rule which prevents you from using this specific tool call.',
      }),
      tool({
        status: 'completed',
        input: { command: 'cat x' },
        output: '401 unauthorized, usage limit reached',
      }),
      words('m1', 'Could not push.'),
      finish('m1', 'stop'),
    ];
    expect(await judgeRun(agent, { stdout, end: { exitCode: 0 } })).toMatchObject({
      verdict: 'success',
      denials: ['bash(git push)'],
    });
    const cut = await judgeRun(agent, { stdout: stdout.slice(0, 3) });
    expect(cut).toMatchObject({ verdict: 'permanent', rule: 'opencode.result.unfinished' });
  });

  it('that failed before its first step is judged by stderr', async () => {
    expect(
      (await judgeRun(agent, { stderr: 'Error: Unable to connect. ECONNREFUSED 127.0.0.1:80' })).verdict,
    ).toBe('transient');
    expect((await judgeRun(agent, { stderr: '\u001b[91mError: \u001b[0mSession not found' })).rule).toBe(
      'opencode.session.missing',
    );
  });
});
