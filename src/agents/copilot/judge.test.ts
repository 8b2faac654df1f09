import { describe, expect, it } from 'vitest';
import { judgeRun, RUN_STARTED_AT } from '../test-kit.ts';
import { copilot } from './copilot.ts';

const agent = copilot.create();
const timestamp = '2026-11-22T09:00:30.000Z';
const prompt = { type: 'user.message', data: { content: 'Say hello.' }, timestamp };
const said = (content: string) => ({
  type: 'assistant.message',
  data: { content, toolRequests: [] },
  timestamp,
});
const result = (exitCode: number) => ({
  type: 'result',
  timestamp,
  sessionId: 's1',
  exitCode,
  usage: { premiumRequests: 0 },
});
const trouble = (errorType: string, message: string, statusCode?: number) => ({
  type: 'session.error',
  data: { errorType, message, ...(statusCode === undefined ? {} : { statusCode }) },
  timestamp,
});
const call = (statusCode: number) => ({
  type: 'model.call_failure',
  data: { statusCode, errorMessage: '{"type":"x"}' },
  timestamp,
});

describe('an error of the session', () => {
  it.each<[string, object, string]>([
    ['authentication', trouble('authentication', 'Authentication failed', 401), 'auth'],
    ['authorization', trouble('authorization', 'Not allowed by your organization'), 'auth'],
    ['403', trouble('query', 'Last error: 403 Forbidden', 403), 'auth'],
    ['quota', trouble('quota', 'You have no quota', 402), 'usage_limit'],
    ['credit', trouble('query', 'Execution failed: 400 Your credit balance is too low', 400), 'usage_limit'],
    [
      'weekly limit',
      trouble('rate_limit', "You've hit your weekly limit. Try again in 2 days.", 429),
      'usage_limit',
    ],
    ['rate', trouble('rate_limit', 'Last error: 429 slow down', 429), 'transient'],
    ['503', trouble('query', 'Last error: 503 Service Unavailable', 503), 'transient'],
    ['no network', trouble('query', 'retried 5 times. Last error: fetch failed ECONNREFUSED'), 'transient'],
    ['context', trouble('context_limit', 'too long', 400), 'permanent'],
    ['400', trouble('query', 'Last error: 400 bad request', 400), 'permanent'],
  ])('%s', async (_, event, verdict) => {
    for (const exitCode of [1, 0]) {
      const stdout = [prompt, event, result(exitCode)];
      const judged = await judgeRun(agent, { stdout, end: { exitCode } });
      expect(judged).toMatchObject({ verdict, sessionId: 's1', unknownShape: null });
    }
    expect((await judgeRun(agent, { stdout: [prompt, event] })).verdict).toBe(verdict);
  });

  it('tells when a limit ends, and how long to wait', async () => {
    const limit = trouble('rate_limit', "You've hit your weekly limit. Try again in 2 days.", 429);
    expect((await judgeRun(agent, { stdout: [prompt, limit, result(1)] })).resetAt).toBe(
      RUN_STARTED_AT + 30_000 + 2 * 86_400_000,
    );
    const rate = trouble('rate_limit', 'Slow down. Retry-After: 12', 429);
    expect((await judgeRun(agent, { stdout: [prompt, rate, result(1)] })).retryAfterMs).toBe(12_000);
  });

  it('of no known type is told as a shape', async () => {
    expect(
      await judgeRun(agent, { stdout: [prompt, trouble('gizmo', 'It fell over.'), result(1)] }),
    ).toMatchObject({
      verdict: 'permanent',
      rule: 'copilot.unknown',
      unknownShape: expect.stringMatching(/^copilot:/),
    });
  });
});

describe('a run', () => {
  it('that got past its failed calls is good', async () => {
    const stdout = [prompt, call(529), call(529), said('Recovered: 401 is now 200.'), result(0)];
    expect(await judgeRun(agent, { stdout, end: { exitCode: 0 } })).toMatchObject({
      verdict: 'success',
      answer: 'Recovered: 401 is now 200.',
      realAnswer: true,
    });
  });

  it('that was interrupted ends with exit 0 and is lost, unless we did it', async () => {
    const stdout = [
      prompt,
      { type: 'abort', data: { reason: 'user_abort' }, timestamp },
      { type: 'assistant.idle', data: { aborted: true }, timestamp },
    ];
    expect((await judgeRun(agent, { stdout, end: { exitCode: 0 } })).verdict).toBe('lost');
    expect((await judgeRun(agent, { stdout, end: { exitCode: 0, stoppedBy: 'cancel' } })).verdict).toBe(
      'cancelled',
    );
    expect((await judgeRun(agent, { stdout, end: { exitCode: 0, stoppedBy: 'timeout' } })).verdict).toBe(
      'timeout',
    );
  });

  it.each<[string, object[]]>([
    ['without a result', [prompt, said('Done.')]],
    ['without a word', [prompt, result(0)]],
    ['that ends with an event nobody knows', [prompt, said('Done.'), { type: 'finale', data: {} }]],
  ])('%s is no success with exit 0', async (_, stdout) => {
    expect((await judgeRun(agent, { stdout, end: { exitCode: 0 } })).verdict).toBe('permanent');
  });

  it('that gave up on its last call tells of what', async () => {
    expect((await judgeRun(agent, { stdout: [prompt, call(529)] })).verdict).toBe('transient');
    expect((await judgeRun(agent, { stdout: [prompt, call(401), result(1)] })).verdict).toBe('auth');
  });

  it.each([
    ['Error: No authentication information found.', 'auth'],
    ["error: unknown option '--nope'", 'permanent'],
    ['Error: connect ECONNREFUSED 127.0.0.1:443', 'transient'],
    ['Error: Model "x" from --model flag is not available.', 'permanent'],
  ])('that says only "%s"', async (stderr, verdict) => {
    expect((await judgeRun(agent, { stderr })).verdict).toBe(verdict);
  });
});
