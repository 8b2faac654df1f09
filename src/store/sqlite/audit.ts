import type { Audit, AuditEntry, AuditFilter } from '../../core/audit.ts';
import type { Page } from '../store.ts';
import type { Db } from './database.ts';
import type { Row } from './rows.ts';

/** What people did: written with the change, read newest first. */
export function prepareAudit(db: Db) {
  const insert = db.prepare(
    'INSERT INTO audit(at, by, surface, action, target, before, after, once) VALUES(@at, @by, @surface, @action, @target, @before, @after, @once) ON CONFLICT DO NOTHING',
  );
  const list =
    db.prepare(`SELECT * FROM audit WHERE (@by IS NULL OR by = @by) AND (@action IS NULL OR action = @action)
    AND (@surface IS NULL OR surface = @surface) AND (@target IS NULL OR instr(lower(target), lower(@target)) > 0)
    AND (@about IS NULL OR EXISTS (SELECT 1 FROM json_each(@about) WHERE target = value OR substr(target, 1, length(value) + 1) = value || ' '))
    AND (@since IS NULL OR at >= @since) AND (@until IS NULL OR at < @until) AND (@after IS NULL OR id < @after)
    ORDER BY id DESC LIMIT @limit`);

  return {
    /** Inside the transaction of the change it tells of. */
    write(entry: Audit): void {
      const { at, by, surface, action, target, before, after } = entry;
      insert.run({
        ...{ at, by, surface, action, target, once: entry.once ?? null },
        before: before === undefined ? null : JSON.stringify(before),
        after: after === undefined ? null : JSON.stringify(after),
      });
    },
    list(filter: AuditFilter): Page<AuditEntry> {
      const { by = null, action = null, surface = null, target = null } = filter;
      const about = filter.about === undefined ? null : JSON.stringify(filter.about);
      const { since = null, until = null, after = null, limit } = filter;
      const named = { by, action, surface, target, about, since, until, after };
      const rows = list.all({ ...named, limit: limit + 1 }) as Row[];
      const items = rows.slice(0, limit).map(entryOf);
      return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
  };
}

function entryOf(row: Row): AuditEntry {
  const facts = (value: unknown) =>
    typeof value === 'string' ? (JSON.parse(value) as AuditEntry['after']) : null;
  return {
    id: Number(row['id']),
    at: Number(row['at']),
    by: String(row['by']),
    surface: String(row['surface']) as AuditEntry['surface'],
    action: String(row['action']),
    target: String(row['target']),
    before: facts(row['before']),
    after: facts(row['after']),
  };
}
