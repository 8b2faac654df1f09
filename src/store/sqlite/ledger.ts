import type { Store } from '../store.ts';
import type { Db } from './database.ts';

/** A gate that closes again within this time keeps its first `since`: no flapping. */
const FLAP_MS = 5 * 60 * 1000;

/** Scope intervals: one row while a gate is closed. Writes only what changed. */
export function prepareLedger(db: Db): Pick<Store, 'noteGates'> {
  const open = db.prepare('SELECT code, scope, since FROM gate_intervals WHERE until IS NULL');
  const end = db.prepare(
    'UPDATE gate_intervals SET until = ? WHERE code = ? AND scope = ? AND until IS NULL',
  );
  const recent = db.prepare(
    'SELECT id, since FROM gate_intervals WHERE code = ? AND scope = ? AND until >= ? ORDER BY id DESC LIMIT 1',
  );
  const reopen = db.prepare('UPDATE gate_intervals SET until = NULL, detail = ? WHERE id = ?');
  const insert = db.prepare('INSERT INTO gate_intervals(code, scope, detail, since) VALUES(?, ?, ?, ?)');

  const note = db.transaction(
    (closed: readonly { code: string; scope: string; detail: string }[], now: number) => {
      const since = new Map<string, number>();
      const wanted = new Map(closed.map((gate) => [`${gate.code}:${gate.scope}`, gate]));
      for (const row of open.all() as { code: string; scope: string; since: number }[]) {
        const key = `${row.code}:${row.scope}`;
        if (wanted.delete(key)) since.set(key, row.since);
        else end.run(now, row.code, row.scope);
      }
      for (const [key, gate] of wanted) {
        const before = recent.get(gate.code, gate.scope, now - FLAP_MS) as
          | { id: number; since: number }
          | undefined;
        if (before === undefined) insert.run(gate.code, gate.scope, gate.detail, now);
        else reopen.run(gate.detail, before.id);
        since.set(key, before?.since ?? now);
      }
      return since;
    },
  );

  return {
    async noteGates(closed, now) {
      return note.immediate(closed, now);
    },
  };
}
