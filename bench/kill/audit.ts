/** What must be true of an installation after all that was done to it, told as a list of faults. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Load } from './load.ts';

/** How a message that may have been sent before says so: such a repeat is a promise kept, not a fault. */
const MARKED = 'possibly sent twice';

/** Acknowledged and no longer so. */
export function lostOf({ here, acknowledged }: Load): string[] {
  const lost: string[] = [];
  const tasks = new Map(
    here
      .rows<TaskRow>('SELECT key, title, status, head, reason_code AS reason FROM tasks')
      .map((task) => [task.key, task]),
  );
  for (const [key, title] of acknowledged.tasks)
    if (tasks.get(key)?.title !== title) lost.push(`work item ${key} was taken on and is gone`);
  for (const key of acknowledged.done) {
    const status = tasks.get(key)?.status ?? 'gone';
    if (status !== 'done') lost.push(`task ${key} was done and is ${status}`);
  }
  for (const [key, head] of acknowledged.approvals) {
    const task = tasks.get(key);
    if (task?.reason === 'approval.pending' && task.head === head)
      lost.push(`${key} at ${head} was approved and waits for approval`);
  }
  const runs = new Map(
    here
      .rows<{ id: number; verdict: string | null }>('SELECT id, verdict FROM agent_runs')
      .map(({ id, verdict }) => [`run_${id}`, verdict]),
  );
  for (const [id, verdict] of acknowledged.runs)
    if (runs.get(id) !== verdict) lost.push(`${id} was ${verdict} and is ${runs.get(id) ?? 'gone'}`);
  return lost;
}

export function acknowledgedCount({ acknowledged: { tasks, done, runs, approvals } }: Load): number {
  return tasks.size + done.size + runs.size + approvals.size;
}

/** Done tasks whose change is not in the base branch; looked at when all is done. */
export function missingOf(load: Load): string[] {
  return load.projects.flatMap((project) => {
    const files = new Set(git(load, project, 'ls-tree', '-r', '--name-only', 'main').split('\n'));
    return load.here
      .rows<{ key: string; title: string }>(
        `SELECT key, title FROM tasks WHERE project = ? AND status = 'done'`,
        project,
      )
      .filter(({ title }) => !files.has(`src/change-${title.split(' ')[1]}.js`))
      .map(({ key }) => `${key} is done, and its change is not in main`);
  });
}

/** Done twice. `settles` are the ids of runs whose settle was logged as written, one each time. */
export function doubledOf(load: Load, settles: readonly string[]): string[] {
  const { here, telegram } = load;
  const merges = load.projects.flatMap((project) =>
    git(load, project, 'log', 'main', '--first-parent', '--format=%s').split('\n'),
  );
  const bodies = (sql: string) => here.rows<{ what: string }>(sql).map(({ what }) => what);
  const spent = here.row<{ counted: number; used: number }>(
    `SELECT (SELECT coalesce(sum(tokens), 0) FROM spending) AS counted,
      (SELECT sum(input_tokens + output_tokens) FROM agent_runs) AS used`,
  );
  return [
    ...repeated(
      'merged',
      merges.filter((subject) => subject.startsWith('K-')),
    ),
    ...repeated('taken on', bodies('SELECT title AS what FROM tasks')),
    ...repeated('on the board', bodies('SELECT title AS what FROM work_items')),
    ...repeated('pull request', bodies(`SELECT project || ' ' || branch AS what FROM pull_requests`)),
    ...repeated('comment', bodies(`SELECT work_item_id || ' ' || body AS what FROM work_item_comments`)),
    ...repeated(
      'comment of a pull request',
      bodies(`SELECT project || ' ' || number || ' ' || body AS what FROM pull_request_comments`),
    ),
    ...repeated(
      'message',
      telegram
        .sent()
        .map(({ text }) => text)
        .filter((text) => !text.includes(MARKED)),
    ),
    ...repeated('agent begun for', readFileSync(load.begun, 'utf8').trim().split('\n')),
    ...repeated('settled', settles),
    ...(spent === undefined || spent.counted === (spent.used ?? 0)
      ? []
      : [`${spent.used} tokens were used and ${spent.counted} are counted`]),
  ];
}

/** Of tasks that did not come to their end. */
export function storiesOf({ here }: Load, keys: readonly string[]): string[] {
  return keys.map((key) => {
    const task = here.row<TaskRow & { stage: string; detail: string | null }>(
      'SELECT *, reason_code AS reason, reason_detail AS detail FROM tasks WHERE key = ?',
      key,
    );
    const job = here.row<{ status: string; error: string | null; hold: string | null }>(
      'SELECT * FROM jobs WHERE task_id = (SELECT id FROM tasks WHERE key = ?) ORDER BY id DESC LIMIT 1',
      key,
    );
    const why = task?.detail ?? job?.error ?? job?.hold ?? '';
    return `${key} is ${task?.status ?? 'unknown'} at ${task?.stage ?? '?'}, its job ${job?.status ?? 'none'}: ${why.slice(0, 300)}`;
  });
}

interface TaskRow {
  readonly key: string;
  readonly title: string;
  readonly status: string;
  readonly head: string | null;
  readonly reason: string | null;
}

function repeated(what: string, all: readonly string[]): string[] {
  const times = new Map<string, number>();
  for (const each of all) times.set(each, (times.get(each) ?? 0) + 1);
  return [...times].filter(([, n]) => n > 1).map(([each, n]) => `${what} ${n} times: ${each.slice(0, 200)}`);
}

function git(load: Load, project: string, ...args: string[]): string {
  return execFileSync('git', ['-C', load.repositoryOf(project), ...args], { encoding: 'utf8' }).trim();
}
