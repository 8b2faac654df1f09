import { fileURLToPath } from 'node:url';
import { describeReader, describeRules, loadRecordings } from '../agent.contract.ts';
import { copilot } from './copilot.ts';
import { FAILURE_RULES } from './failure-rules.ts';

const recordings = await loadRecordings(
  fileURLToPath(new URL('../../../test/fixtures/agent-logs/copilot', import.meta.url)),
);
const timestamp = '2026-11-22T09:34:45.397Z';

describeReader({
  agent: copilot.create(),
  recordings,
  goodLog: (answer) =>
    [
      { type: 'user.message', data: { content: 'Say hello.' }, timestamp },
      { type: 'assistant.message', data: { content: answer, toolRequests: [] }, timestamp },
      { type: 'assistant.idle', data: {}, timestamp },
      { type: 'result', timestamp, sessionId: '835df3c5', exitCode: 0, usage: { premiumRequests: 0 } },
    ]
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
});

describeRules({ agent: copilot.create(), recordings }, FAILURE_RULES);
