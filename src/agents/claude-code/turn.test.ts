import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../../../test/support/requirements.ts';
import { turn } from './turn.ts';

const LOG = join(projectRoot, 'test/fixtures/agent-logs/claude/success-after-overload-stream/stdout.log');

it('tells the messages of a recording, a message that takes two lines by one name', () => {
  const turns = readFileSync(LOG, 'utf8')
    .split('\n')
    .flatMap((line) => turn(line) ?? []);
  expect(turns.map(({ newInputTokens }) => newInputTokens)).toEqual([1200, 1200, 1200, 1200, 1200]);
  expect(new Set(turns.map(({ id }) => id)).size).toBe(4);
});

it.each([
  '',
  'npm warn "assistant" "usage"',
  '{"type":"assistant","message":{"id":"m","usa',
  '{"type":"assistant","message":{"id":"m","model":"<synthetic>","usage":{"input_tokens":9}}}',
  '{"type":"assistant","message":{"usage":{"input_tokens":9}}}',
  '{"type":"user","message":{"id":"m","usage":{"input_tokens":9}},"was":"assistant"}',
])('%j is no message of the model', (line) => {
  expect(turn(line)).toBeNull();
});

it('counts what the model had not seen, and takes no figure that is none', () => {
  const usage = {
    input_tokens: 3,
    cache_creation_input_tokens: 500,
    cache_read_input_tokens: 90_000,
    output_tokens: 1,
  };
  const event = (of: object) => JSON.stringify({ type: 'assistant', message: { id: 'm1', usage: of } });
  expect(turn(event(usage))).toEqual({ id: 'm1', newInputTokens: 503 });
  expect(turn(event({ input_tokens: 'many', cache_creation_input_tokens: -4 }))).toEqual({
    id: 'm1',
    newInputTokens: 0,
  });
});
