import { describe, expect, it } from 'vitest';
import { judgeRun } from '../test-kit.ts';
import { codex } from './codex.ts';

const agent = codex.create();
const started = [
  { type: 'thread.started', thread_id: '01a20285-ca7c-70e0-b946-c81362cac9b5' },
  { type: 'turn.started' },
];
const said = (text: string) => ({
  type: 'item.completed',
  item: { id: 'item_0', type: 'agent_message', text },
});
const ran = (output: string) => ({
  type: 'item.completed',
  item: {
    id: 'item_1',
    type: 'command_execution',
    command: 'cat log',
    aggregated_output: output,
    exit_code: 1,
    status: 'failed',
  },
});
const failed = (message: string) => ({ type: 'turn.failed', error: { message } });
const completed = {
  type: 'turn.completed',
  usage: { input_tokens: 1200, cached_input_tokens: 200, output_tokens: 42 },
};

describe('a failed turn', () => {
  it.each([
    [
      'unexpected status 401 Unauthorized: Missing bearer or basic authentication in header, url: https://h/v1',
      'auth',
    ],
    ['unexpected status 403 Forbidden: {"error":{"message":"Country not supported"}}', 'auth'],
    [
      'Your access token could not be refreshed because your refresh token was revoked. Please log out and sign in again.',
      'auth',
    ],
    ['exceeded retry limit, last status: 401 Unauthorized, request id: req_1', 'auth'],
    ['exceeded retry limit, last status: 503 Service Unavailable', 'transient'],
    ['unexpected status 502 Bad Gateway: <html>401 usage limit</html>', 'transient'],
    [
      'unexpected status 400 Bad Request: {"error":{"message":"Invalid value","type":"invalid_request_error"}}',
      'permanent',
    ],
    ['unexpected status 404 Not Found: {"detail":"no such model"}', 'permanent'],
    [
      'unexpected status 429 Too Many Requests: {"error":{"type":"usage_limit_reached","message":"The usage limit has been reached"}}',
      'usage_limit',
    ],
    ["We're currently experiencing high demand, which may cause temporary errors.", 'transient'],
    ['Selected model is at capacity. Please try a different model.', 'transient'],
    ['stream disconnected before completion: Transport error: network error', 'transient'],
    [
      'stream disconnected before completion: Incomplete response returned, reason: max_output_tokens',
      'permanent',
    ],
    ['Connection failed: error sending request for url (https://chatgpt.com)', 'transient'],
    [
      'Error while reading the server response: HTTP status server error (529 <unknown status code>)',
      'transient',
    ],
    ['Quota exceeded. Check your plan and billing details.', 'usage_limit'],
    [
      'To use Codex with your ChatGPT plan, upgrade to Plus: https://chatgpt.com/explore/plus.',
      'usage_limit',
    ],
    [
      "You've hit your usage limit for GPT-6. Switch to another model now, or try again later.",
      'usage_limit',
    ],
    ['Your workspace is out of credits. Ask your workspace owner to refill.', 'usage_limit'],
    ["The 'gpt-nope' model is not supported when using Codex with a ChatGPT account.", 'permanent'],
    ['Codex ran out of room in the model’s context window. Start a new conversation.', 'permanent'],
    ['This content was flagged for possible policy violation.', 'permanent'],
  ])('%s: %s', async (message, verdict) => {
    const judged = await judgeRun(agent, { stdout: [...started, failed(message)] });
    expect(judged).toMatchObject({ verdict, resultOk: false, unknownShape: null });
    // The same words in the line before the end, when the end itself was lost.
    const cut = await judgeRun(agent, { stdout: [...started, { type: 'error', message }] });
    expect(cut.verdict).toBe(verdict);
  });

  it.each([
    ['Try again at 11:13 AM.', 'UTC', '2026-11-22T11:13:00.000Z'],
    ['Try again at 1:13 PM.', 'Europe/Berlin', '2026-11-22T12:13:00.000Z'],
    ['or try again at Nov 25th, 2026 8:05 AM.', 'America/New_York', '2026-11-25T13:05:00.000Z'],
    ['Try again in 2 days 3 hours 5 minutes.', 'UTC', '2026-11-24T12:05:00.000Z'],
  ])('of a used-up plan tells when to come back: %s (%s)', async (words, timeZone, expected) => {
    for (const apostrophe of ["'", '’']) {
      const message = `You${apostrophe}ve hit your usage limit. ${words}`;
      const { verdict, resetAt } = await judgeRun(agent, { stdout: [...started, failed(message)], timeZone });
      expect([verdict, new Date(resetAt ?? 0).toISOString()]).toEqual(['usage_limit', expected]);
    }
  });

  it('of a mere rate tells how long to wait', async () => {
    const message =
      'stream disconnected before completion: Rate limit reached for gpt-6 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000. Please try again in 11.054s.';
    expect(await judgeRun(agent, { stdout: [...started, failed(message)] })).toMatchObject({
      verdict: 'transient',
      retryAfterMs: 11_054,
      resetAt: null,
    });
  });

  it('that no rule knows is told as a shape, the same one for the same words', async () => {
    const shapes = await Promise.all(
      ['Gizmo 17 fell over.', 'Gizmo 99 fell over.', 'The moon is full.'].map(async (message) => {
        const judged = await judgeRun(agent, { stdout: [...started, failed(message)] });
        expect(judged).toMatchObject({ verdict: 'permanent', rule: 'codex.unknown', reason: message });
        return judged.unknownShape;
      }),
    );
    expect(shapes[0]).toMatch(/^codex:[0-9a-f]{16}$/);
    expect(shapes[1]).toBe(shapes[0]);
    expect(shapes[2]).not.toBe(shapes[0]);
  });
});

describe('a turn', () => {
  it('counts cached input apart, and is a real answer', async () => {
    const judged = await judgeRun(agent, {
      stdout: [...started, said('Done.'), completed],
      end: { exitCode: 0 },
    });
    expect(judged).toMatchObject({
      verdict: 'success',
      realAnswer: true,
      sessionId: '01a20285-ca7c-70e0-b946-c81362cac9b5',
      usage: { inputTokens: 1000, cacheReadTokens: 200, outputTokens: 42, costUsd: null },
    });
  });

  it('that got past its retries is a success, whatever was printed before', async () => {
    const stdout = [
      ...started,
      { type: 'error', message: 'Reconnecting... 1/5 (unexpected status 401 Unauthorized: x)' },
      ran('401 unauthorized, usage limit reached'),
      said('Fixed the "You’ve hit your usage limit" message.'),
      completed,
    ];
    expect((await judgeRun(agent, { stdout, end: { exitCode: 0 } })).verdict).toBe('success');
  });

  it('without a word of the model is none; one whose beginning was lost is', async () => {
    const end = { exitCode: 0 };
    expect(await judgeRun(agent, { stdout: [...started, completed], end })).toMatchObject({
      verdict: 'permanent',
      rule: 'codex.result.empty_answer',
    });
    expect((await judgeRun(agent, { stdout: [completed], end })).verdict).toBe('success');
  });

  it('that never ended is no success, and what its tools printed decides nothing', async () => {
    const stdout = [...started, ran('error: 401 Unauthorized. Please run /login')];
    for (const exitCode of [0, 1])
      expect(await judgeRun(agent, { stdout, end: { exitCode } })).toMatchObject({
        verdict: 'permanent',
        reason: 'no result JSON',
        unknownShape: null,
      });
  });

  it('that waited for a network until something ended it is no fault of the job', async () => {
    const stdout = [
      ...started,
      {
        type: 'error',
        message: 'Reconnecting... waiting for network (Connection failed: error sending request)',
      },
    ];
    expect((await judgeRun(agent, { stdout })).verdict).toBe('transient');
    expect((await judgeRun(agent, { stdout, end: { exitCode: 137 } })).verdict).toBe('lost');
    expect((await judgeRun(agent, { stdout, end: { exitCode: null, stoppedBy: 'stall' } })).verdict).toBe(
      'stalled',
    );
  });

  it('that ends with an event nobody knows is told as a shape', async () => {
    const stdout = [...started, said('ok'), { type: 'session.closed', outcome: 'fine' }];
    expect(await judgeRun(agent, { stdout, end: { exitCode: 0 } })).toMatchObject({
      verdict: 'permanent',
      rule: 'codex.unknown',
      unknownShape: expect.stringMatching(/^codex:/),
    });
  });

  it('says which commands were declined', async () => {
    const declined = {
      type: 'item.completed',
      item: { type: 'command_execution', command: 'rm -rf x', status: 'declined' },
    };
    const judged = await judgeRun(agent, {
      stdout: [...started, declined, said('No.'), completed],
      end: { exitCode: 0 },
    });
    expect(judged).toMatchObject({ verdict: 'success', denials: ['command(rm -rf x)'] });
  });
});

describe('words on stderr alone', () => {
  it.each([
    ["error: unexpected argument '--no-such' found\n\nUsage: codex exec [OPTIONS]", 2, 'permanent'],
    ['Error: thread/resume failed: no rollout found for thread id 0199', 1, 'permanent'],
    ['Not inside a trusted directory and --skip-git-repo-check was not specified.', 1, 'permanent'],
    ['Not logged in. Run `codex login` to sign in.', 1, 'auth'],
    ['ERROR: You’ve hit your usage limit. Try again at 11:13 AM.', 1, 'usage_limit'],
    ['ERROR: stream disconnected before completion', 1, 'transient'],
    ['thread main panicked at src/main.rs:401', 101, 'permanent'],
  ])('%s', async (stderr, exitCode, verdict) => {
    expect((await judgeRun(agent, { stderr, end: { exitCode } })).verdict).toBe(verdict);
  });
});
