import type { Task } from './model.ts';
import type { TraceCriterion, TraceMatrix, TraceTest } from './trace.ts';

/** A state is mark and word, never colour alone. */
export function markOf({ state }: Pick<TraceTest, 'state'>): string {
  switch (state) {
    case 'passed':
    case 'ticked':
      return `✓ ${state}`;
    case 'failed':
    case 'missing':
      return `✗ ${state}`;
    case 'not_proven':
      return '? not proven';
    case 'to_tick':
      return '▲ to tick';
  }
}

const MAX_TABLE = 30_000;
const MAX_ITEM = 20_000;
const MAX_TEXT = 300;

/** Body of a task's pull request. The matrix comes first: the item's own text may hold markup that never ends. */
export function pullRequestBody(task: Pick<Task, 'key' | 'body' | 'trace'>): string {
  const item = task.body.slice(0, MAX_ITEM);
  if (task.trace === null) return item;
  const matrix = traceTable(task.trace, task.key);
  return item.trim() === '' ? matrix : `${matrix}\n---\n\n${item}`;
}

/** The matrix as a Markdown table; texts of agents are made plain text that no renderer, link or mention reacts to. */
function traceTable(matrix: TraceMatrix, key: string): string {
  const at = matrix.head === null ? 'nothing is proven yet' : `proven at ${matrix.head.slice(0, 7)}`;
  const rows: string[] = [];
  let length = 0;
  for (const criterion of matrix.criteria) {
    const row = rowOf(criterion);
    length += row.length;
    if (length > MAX_TABLE) break;
    rows.push(row);
  }
  const left = matrix.criteria.length - rows.length;
  return [
    `**Criteria and tests**, ${at}`,
    '',
    '| Criterion | Requirements | Tests |',
    '| --- | --- | --- |',
    ...rows,
    '',
    ...(left > 0 ? [`${left} more: \`orch task show ${key}\``, ''] : []),
  ].join('\n');
}

function rowOf({ id, text, requirements, tests }: TraceCriterion): string {
  const shown = tests.map((test) => {
    const why = test.detail === '' ? '' : ` (${plainCell(test.detail)})`;
    return `${markOf(test)} **${plainCell(test.id)}** ${plainCell(test.what)}${why}`;
  });
  return `| **${plainCell(id)}** ${plainCell(text)} | ${requirements.map(plainCell).join(', ')} | ${shown.join('<br>')} |`;
}

/** One cell of a table, whatever the text holds: no line break, no bar, no markup, no HTML, no mention, reference or link. */
function plainCell(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}\u2028\u2029]+/gu, ' ').trim();
  const cut = line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
  return cut
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_{}[\]()!|~^$]/g, (sign) => `\\${sign}`)
    .replaceAll(/(@|#(?=\d)|\bGH-(?=\d)|:(?=\/\/)|\bwww(?=\.))/gi, '$1\u200b');
}
