import Database from 'better-sqlite3';
import { EMPTY_CONTEXT } from '../../core/model.ts';
import { MIGRATIONS } from './migrations.ts';

/** What a column must hold where "1" would be refused or mean nothing. */
const VALUES: Readonly<Record<string, unknown>> = {
  'tasks.status': 'active',
  'tasks.key': 'API-1',
  'jobs.status': 'running',
  'jobs.branch': 'orch/api-1',
  'jobs.context': JSON.stringify(EMPTY_CONTEXT),
  'agent_runs.status': 'running',
  'agent_runs.directory': '/nowhere/run_1',
  'outbox.status': 'pending',
  'outbox.message': JSON.stringify({ kind: 'notify' }),
  'projects.key': '1',
  'matters.value': '{}',
  'matters.state': 'open',
  'mutes.until': '1',
  'users.role': 'viewer',
  'api_tokens.role': 'viewer',
};
const JSON_COLUMNS: Readonly<Record<string, string>> = {
  rounds: '{}',
  loops: '{}',
  labels: '[]',
  ticked: '[]',
  windows: '[]',
};
/** Left empty: what they hold is optional and has a shape. */
const EMPTY = new Set([
  'once',
  'hold',
  'pr',
  'trace',
  'session',
  'verdict',
  'finished_at',
  'resolved_at',
  'until',
  'before',
  'after',
]);

interface Column {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
}

/** A database as a build with that many migrations left it, with a row in every table; the tables. */
export function writeOlder(path: string, version: number): string[] {
  const db = new Database(path);
  db.pragma('application_id = 1332896616');
  for (const migration of MIGRATIONS.slice(0, version)) db.exec(migration);
  db.pragma(`user_version = ${version}`);
  const tables = tablesOf(db);
  db.pragma('foreign_keys = OFF');
  for (const table of tables) {
    if (Number(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()) > 0) continue;
    const columns = db
      .prepare(`SELECT name, type, "notnull" FROM pragma_table_info('${table}')`)
      .all() as Column[];
    const names = columns.map(({ name }) => name).join(', ');
    const values = columns.map((column) => valueFor(table, column));
    db.prepare(`INSERT INTO ${table}(${names}) VALUES(${columns.map(() => '?').join(', ')})`).run(...values);
  }
  db.prepare('UPDATE counters SET last_run = 1').run();
  db.close();
  return tables;
}

function tablesOf(db: Database.Database): string[] {
  const names = db
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
    .pluck();
  return names.all() as string[];
}

function valueFor(table: string, { name, type, notnull }: Column): unknown {
  const own = VALUES[`${table}.${name}`] ?? JSON_COLUMNS[name];
  if (own !== undefined) return own;
  if (EMPTY.has(name) && notnull === 0) return null;
  return type === 'TEXT' ? '1' : 1;
}
