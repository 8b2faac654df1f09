import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeAgent, loadRecordings } from '../agent.contract.ts';
import { claudeCode } from './claude-code.ts';

const recordings = await loadRecordings(
  fileURLToPath(new URL('../../../test/fixtures/agent-logs/claude', import.meta.url)),
);

describeAgent({
  agent: claudeCode.create(),
  recordings,
  goodLog: (answer) =>
    `${JSON.stringify({ type: 'system', subtype: 'init', session_id: 's', claude_code_version: '2.1.330' })}\n` +
    `${JSON.stringify({ type: 'result', subtype: 'success', result: answer, usage: { input_tokens: 120, output_tokens: 45 }, total_cost_usd: 0.12 })}\n`,
});

describe('the settings of a claude-code account', () => {
  it('need nothing, and refuse what they do not know', () => {
    expect(claudeCode.configSchema.parse({})).toEqual({ bin: 'claude' });
    expect(claudeCode.configSchema.safeParse({ binary: 'x' }).success).toBe(false);
  });
});
