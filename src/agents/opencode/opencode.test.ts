import { fileURLToPath } from 'node:url';
import { describeAgent, describeRules, loadRecordings } from '../agent.contract.ts';
import { FAILURE_RULES } from './failure-rules.ts';
import { opencode } from './opencode.ts';

const recordings = await loadRecordings(
  fileURLToPath(new URL('../../../test/fixtures/agent-logs/opencode', import.meta.url)),
);
const at = { timestamp: 1795339016640, sessionID: 'ses_dfd74abc0ffeIdeEF3bIDKd03X' };

describeAgent({
  agent: opencode.create(),
  recordings,
  goodLog: (answer) =>
    [
      { type: 'step_start', ...at, part: { messageID: 'msg_1', type: 'step-start' } },
      { type: 'text', ...at, part: { messageID: 'msg_1', type: 'text', text: answer } },
      {
        type: 'step_finish',
        ...at,
        part: { messageID: 'msg_1', reason: 'stop', tokens: { input: 1200, output: 42 }, cost: 0.004 },
      },
    ]
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
});

describeRules({ agent: opencode.create(), recordings }, FAILURE_RULES);
