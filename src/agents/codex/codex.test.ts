import { fileURLToPath } from 'node:url';
import { describeAgent, describeRules, loadRecordings } from '../agent.contract.ts';
import { codex } from './codex.ts';
import { FAILURE_RULES } from './failure-rules.ts';

const recordings = await loadRecordings(
  fileURLToPath(new URL('../../../test/fixtures/agent-logs/codex', import.meta.url)),
);

describeAgent({
  agent: codex.create(),
  recordings,
  goodLog: (answer) =>
    [
      { type: 'thread.started', thread_id: '01a20285-ca7c-70e0-b946-c81362cac9b5' },
      { type: 'turn.started' },
      { type: 'item.completed', item: { id: 'item_0', type: 'agent_message', text: answer } },
      { type: 'turn.completed', usage: { input_tokens: 1200, cached_input_tokens: 0, output_tokens: 42 } },
    ]
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
});

describeRules({ agent: codex.create(), recordings }, FAILURE_RULES);
