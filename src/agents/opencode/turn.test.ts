import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../../../test/support/requirements.ts';
import { turn } from './turn.ts';

it('tells each step of a recording by a name of its own', () => {
  const log = join(projectRoot, 'test/fixtures/agent-logs/opencode/success-edit-commit-json/stdout.log');
  const turns = readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => turn(line) ?? []);
  expect(turns.length).toBeGreaterThan(1);
  expect(new Set(turns.map(({ id }) => id)).size).toBe(turns.length);
  expect(turns.every(({ newInputTokens }) => newInputTokens === 1200)).toBe(true);
});

it.each([
  '',
  'step_finish',
  '{"type":"step_finish","part":{"id":"p","tok',
  '{"type":"step_finish","part":{"id":"p"}}',
  '{"type":"text","part":{"id":"p","tokens":{"input":5},"was":"step_finish"}}',
])('%j is no step', (line) => {
  expect(turn(line)).toBeNull();
});
