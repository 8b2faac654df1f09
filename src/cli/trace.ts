import { manualTests, type TraceMatrix, testsOf } from '../core/trace.ts';
import { markOf } from '../core/trace-markdown.ts';
import { table } from './output.ts';

const TEXT_WIDTH = 60;

/** The matrix for people: a line per criterion with its tests, then why tests are not green, then what to tick. */
export function traceLines(trace: TraceMatrix, key: string): string {
  const rows = trace.criteria.map((ac) => [
    `  ${ac.id}`,
    ac.text.length > TEXT_WIDTH ? `${ac.text.slice(0, TEXT_WIDTH - 1)}…` : ac.text,
    ac.requirements.join(' '),
    ac.tests.map((test) => `${markOf(test)} ${test.id}`).join(', ') || 'no tests yet',
  ]);
  const tests = testsOf(trace).filter((test) => test.state !== 'passed' && test.state !== 'ticked');
  const open = manualTests(trace).filter((id) => tests.some((test) => test.id === id));
  const at = trace.head === null ? 'nothing is proven yet' : `proven at ${trace.head.slice(0, 7)}`;
  return [
    `  criteria and tests, ${at}`,
    table(['  CRITERION', 'TEXT', 'FOR IT', 'TESTS'], rows),
    ...tests.map(
      (test) => `  ${markOf(test)} ${test.id}  ${test.what}${test.detail === '' ? '' : `: ${test.detail}`}`,
    ),
    ...(open.length === 0 ? [] : [`  fix  orch tick ${key} ${open.join(' ')}`]),
  ].join('\n');
}
