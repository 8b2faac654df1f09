import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../../../test/support/requirements.ts';
import { readable } from './readable.ts';

const event = (value: object) => readable(JSON.stringify(value));
const assistant = (...content: object[]) => event({ type: 'assistant', message: { content } });
const user = (...content: object[]) => event({ type: 'user', message: { content } });

it('what the model says and calls, in the order of its blocks', () => {
  expect(
    assistant(
      { type: 'text', text: 'I look first.' },
      { type: 'tool_use', name: 'Bash', input: { command: 'npm test\n  -- all', description: 'tests' } },
      { type: 'tool_use', name: 'Odd', input: { a: 1 } },
    ),
  ).toEqual([
    { kind: 'says', text: 'I look first.' },
    { kind: 'tool', tool: 'Bash', text: 'npm test -- all' },
    { kind: 'tool', tool: 'Odd', text: '{"a":1}' },
  ]);
});

it('the head of what came back, and whether it failed', () => {
  const long = Array.from({ length: 20 }, (_, i) => `line ${i}`).join('\n');
  expect(user({ type: 'tool_result', content: [{ type: 'text', text: long }] })).toEqual([
    { kind: 'result', text: expect.stringMatching(/^line 0\n[\s\S]*line 7\n… 12 more lines$/) },
  ]);
  expect(user({ type: 'tool_result', is_error: true, content: 'no such file' })).toEqual([
    { kind: 'error', text: 'no such file' },
  ]);
});

it('begin and end', () => {
  expect(event({ type: 'system', subtype: 'init', model: 'opus' })).toEqual([
    { kind: 'system', text: 'the CLI has begun, model opus' },
  ]);
  expect(event({ type: 'result', subtype: 'success', result: 'Done.' })).toEqual([
    { kind: 'end', text: 'Done.' },
  ]);
  expect(event({ type: 'result', is_error: true, subtype: 'error_max_turns' })).toEqual([
    { kind: 'error', text: 'error_max_turns' },
  ]);
});

it.each(['npm warn deprecated', '{"type":"assistant","mess', '[1]', '{"type":"never_seen"}', ''])(
  '%j is shown as it is',
  (line) => {
    expect(readable(line)).toBeNull();
  },
);

it('of every recording no line throws, and most events have words', () => {
  const folder = join(projectRoot, 'test/fixtures/agent-logs/claude');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /stdout/.test(file),
  );
  expect(files.length).toBeGreaterThan(10);
  let words = 0;
  for (const file of files)
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n'))
      words += readable(line)?.length ?? 0;
  expect(words).toBeGreaterThan(files.length);
});
