import { describe, expect, it } from 'vitest';
import { judgeRun, RUN_STARTED_AT } from '../test-kit.ts';
import { gemini } from './gemini.ts';

const agent = gemini.create();
const timestamp = '2026-11-22T09:25:56.358Z';
const NOISE =
  'Ripgrep is not available. Falling back to GrepTool.\n[STARTUP] Phase was started but never ended.\n';
const errorJson = (error: object) => `${NOISE}${JSON.stringify({ session_id: 's1', error }, null, 2)}\n`;
const begun = [
  { type: 'init', timestamp, session_id: 's1', model: 'm' },
  { type: 'message', timestamp, role: 'user', content: 'Say hello.' },
];
const said = (content: string) => ({ type: 'message', timestamp, role: 'assistant', content, delta: true });
const ended = {
  type: 'result',
  timestamp,
  status: 'success',
  stats: { input_tokens: 100, output_tokens: 10, cached: 20 },
};

describe('an error at the end of stderr', () => {
  it.each<[string, object, number, string]>([
    ['401', { type: 'Error', message: 'no', code: 401 }, 145, 'auth'],
    [
      '403',
      {
        type: 'Error',
        message: '{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}',
        code: 403,
      },
      147,
      'auth',
    ],
    [
      'a bad key',
      { type: 'Error', message: 'API key not valid. Please pass a valid API key.', code: 400 },
      144,
      'auth',
    ],
    ['400', { type: 'Error', message: 'Invalid argument', code: 400 }, 144, 'permanent'],
    [
      '404',
      { type: 'Error', message: 'models/x is not found for API version v1beta', code: 1 },
      1,
      'permanent',
    ],
    [
      '429',
      { type: 'Error', message: 'Resource has been exhausted (e.g. check quota).', code: 429 },
      173,
      'transient',
    ],
    [
      'a quota a minute',
      {
        type: 'Error',
        message:
          'You exceeded your current quota, please check your plan and billing details.\nSuggested retry after 36s.',
        code: 429,
      },
      173,
      'transient',
    ],
    [
      'a quota a day',
      { type: 'Error', message: 'You have exhausted your daily quota on this model.', code: 429 },
      173,
      'usage_limit',
    ],
    ['500', { type: 'Error', message: 'Internal', code: 500 }, 244, 'transient'],
    ['529', { type: 'Error', message: 'Overloaded', code: 529 }, 17, 'transient'],
    [
      'no network',
      { type: 'Error', message: 'exception TypeError: fetch failed sending request', code: 1 },
      1,
      'transient',
    ],
    [
      'turns',
      { type: 'FatalTurnLimitedError', message: 'Reached max session turns for this session.', code: 53 },
      53,
      'permanent',
    ],
    ['configuration', { type: 'FatalConfigError', message: 'bad settings', code: 52 }, 52, 'permanent'],
    [
      'an interrupt',
      { type: 'FatalCancellationError', message: 'Operation cancelled.', code: 130 },
      130,
      'lost',
    ],
  ])('%s', async (_, error, exitCode, verdict) => {
    const judged = await judgeRun(agent, { stderr: errorJson(error), end: { exitCode } });
    expect(judged).toMatchObject({ verdict, resultOk: false, sessionId: 's1', unknownShape: null });
    const { message: text } = error as { message: string };
    const streamed = { type: 'result', timestamp, status: 'error', error: { type: 'Error', message: text } };
    const asStream = await judgeRun(agent, { stdout: [...begun, streamed], end: { exitCode } });
    expect(asStream.verdict).toBe(verdict);
  });

  it('says when a quota resets, and how long to wait', async () => {
    const message = 'You have exhausted your capacity on this model. Your quota will reset after 3h20m10s.';
    const judged = await judgeRun(agent, {
      stderr: errorJson({ type: 'Error', message, code: 429 }),
      end: { exitCode: 173 },
    });
    expect(judged).toMatchObject({ verdict: 'usage_limit', resetAt: RUN_STARTED_AT + 12_010_000 });
    const rate = 'Please retry in 36.5s.\nSuggested retry after 36s.';
    expect(
      await judgeRun(agent, {
        stderr: errorJson({ type: 'Error', message: rate, code: 429 }),
        end: { exitCode: 173 },
      }),
    ).toMatchObject({ verdict: 'transient', retryAfterMs: 36_000, resetAt: null });
  });

  it('is believed about the end of its quota where its words say nothing', async () => {
    const trace =
      'TerminalQuotaError: It is used up.\n    at x (file:///y.js:1:1) {\n  retryDelayMs: 7200000,\n  status: 429\n}\n';
    const stderr = `${trace}${errorJson({ type: 'Error', message: 'It is used up.', code: 429 })}`;
    expect(await judgeRun(agent, { stderr, end: { exitCode: 173 } })).toMatchObject({
      verdict: 'usage_limit',
      resetAt: RUN_STARTED_AT + 7_200_000,
    });
  });

  it('of an unknown kind is told as a shape', async () => {
    const stderr = errorJson({ type: 'GizmoError', message: 'It fell over.', code: 1 });
    expect(await judgeRun(agent, { stderr })).toMatchObject({
      verdict: 'permanent',
      rule: 'gemini.unknown',
      unknownShape: expect.stringMatching(/^gemini:/),
    });
  });
});

describe('an exit code', () => {
  it.each([
    [144, 'permanent'],
    [145, 'auth'],
    [147, 'auth'],
    [148, 'permanent'],
    [173, 'transient'],
    [244, 'transient'],
    [247, 'transient'],
    [248, 'transient'],
    [17, 'transient'],
    [41, 'auth'],
    [42, 'permanent'],
    [53, 'permanent'],
    [55, 'permanent'],
    [130, 'lost'],
    [137, 'lost'],
    [143, 'lost'],
    [139, 'lost'],
    [1, 'permanent'],
    [0, 'permanent'],
  ])('%i decides where the error was cut off: %s', async (exitCode, verdict) => {
    const stderr = `${NOISE}{\n  "session_id": "s1",\n  "err`;
    expect((await judgeRun(agent, { stderr, end: { exitCode } })).verdict).toBe(verdict);
  });
});

describe('a run', () => {
  it('in a stream is good by its result, with the words after its last tool', async () => {
    const tool = {
      type: 'tool_result',
      timestamp,
      tool_id: 'run_shell_command__1',
      status: 'success',
      output: '401 unauthorized',
    };
    const stdout = [...begun, said('I will look.'), tool, said('Fixed '), said('it.'), ended];
    expect(await judgeRun(agent, { stdout, end: { exitCode: 0 } })).toMatchObject({
      verdict: 'success',
      answer: 'Fixed it.',
      usage: { inputTokens: 80, cacheReadTokens: 20, outputTokens: 10 },
    });
  });

  it('with an answer that quotes failures is good', async () => {
    const stdout = `${JSON.stringify({ session_id: 's', response: '401 unauthorized\n{"error":{"code":401}}', stats: {} }, null, 2)}\n`;
    expect((await judgeRun(agent, { stdout, end: { exitCode: 0 } })).verdict).toBe('success');
  });

  it.each<[string, string | object[]]>([
    ['an empty response', JSON.stringify({ session_id: 's', response: '', stats: {} }, null, 2)],
    ['a stream without words', [...begun, ended]],
    ['a stream without a result', [...begun, said('Working.')]],
    ['a result cut off', '{\n  "session_id": "s",\n  "response": "Hel'],
  ])('with %s is no success', async (_, stdout) => {
    expect((await judgeRun(agent, { stdout, end: { exitCode: 0 } })).verdict).toBe('permanent');
  });

  it('whose tools did not exist without a person says so', async () => {
    const refused = {
      type: 'tool_result',
      timestamp,
      tool_id: 'replace__1',
      status: 'error',
      error: { type: 'x', message: 'Tool "replace" not found in registry.' },
    };
    const stdout = [...begun, refused, said('I could not edit.'), ended];
    expect(await judgeRun(agent, { stdout, end: { exitCode: 0 } })).toMatchObject({ denials: ['replace()'] });
  });
});
