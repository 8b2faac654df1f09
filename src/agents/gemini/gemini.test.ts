import { fileURLToPath } from 'node:url';
import { describeReader, describeRules, loadRecordings } from '../agent.contract.ts';
import { FAILURE_RULES } from './failure-rules.ts';
import { gemini } from './gemini.ts';

const recordings = await loadRecordings(
  fileURLToPath(new URL('../../../test/fixtures/agent-logs/gemini', import.meta.url)),
);
const timestamp = '2026-11-22T09:25:56.358Z';

describeReader({
  agent: gemini.create(),
  recordings,
  goodLog: (answer) =>
    [
      {
        type: 'init',
        timestamp,
        session_id: 'dd7cd0df-683b-4c64-8b9c-466adbf4b427',
        model: 'gemini-3.8-flash',
      },
      { type: 'message', timestamp, role: 'user', content: 'Say hello.' },
      { type: 'message', timestamp, role: 'assistant', content: answer, delta: true },
      {
        type: 'result',
        timestamp,
        status: 'success',
        stats: { input_tokens: 3600, output_tokens: 126, cached: 0 },
      },
    ]
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
});

describeRules({ agent: gemini.create(), recordings }, FAILURE_RULES);
