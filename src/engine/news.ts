import { CHECKING } from '../core/account-gate.ts';
import { expiringWarning } from '../core/account-warning.ts';
import { waysOut } from '../core/announce.ts';
import { dayOf } from '../core/budget.ts';
import { type DispatchState, gateKey } from '../core/dispatch-state.ts';
import type { NewOutboxRow, OutboxMessage } from '../core/effects.ts';

type Trouble = ReadonlyMap<string, string>;
/** Without this mark a trouble may be left that an earlier process told of. */
const WELL = '';

/**
 * What people are told of accounts, of their logins and of the budgets of projects: one incident each, and its end. `tell`
 * gives the rows of one tick; it remembers what the tick before was about.
 */
export function createNews() {
  /** Accounts that were judged since the start: the code of a closed gate, or `WELL`. */
  let accounts: Trouble = new Map();
  /** Logins that were judged since the start: when and how soon one ends, or `WELL`. */
  let logins: Trouble = new Map();
  /** Projects near or at their budget, with how near. */
  let budgets: Trouble | null = null;

  return function tell(dispatch: DispatchState): NewOutboxRow[] {
    const ofAccounts = tellOfAccounts(dispatch, accounts);
    const ofLogins = tellOfLogins(dispatch, logins);
    const ofBudgets = tellOfBudgets(dispatch, budgets);
    accounts = ofAccounts.now;
    logins = ofLogins.now;
    budgets = ofBudgets.now;
    return [...ofAccounts.rows, ...ofLogins.rows, ...ofBudgets.rows];
  };
}

/** What a run already told of its account is edited, not repeated. */
function tellOfAccounts(dispatch: DispatchState, judged: Trouble): { rows: NewOutboxRow[]; now: Trouble } {
  const rows: NewOutboxRow[] = [];
  const now = new Map<string, string>();
  for (const [id, gate] of dispatch.accounts) {
    const before = judged.get(id);
    // A check or probe of a troubled account does not end its incident.
    if (gate.kind === 'single' || (gate.kind === 'closed' && gate.code === CHECKING.code)) {
      if (before !== undefined) now.set(id, before);
      continue;
    }
    if (gate.kind === 'closed') {
      now.set(id, gate.code);
      const noted = dispatch.since.get(gateKey(gate.code, { kind: 'account', id }));
      const since = gate.since ?? noted ?? dispatch.tickAt;
      if (gate.state === 'needs_you' && before !== gate.code)
        rows.push(row(`account:${id}`, `gate:${gate.code}:${id}:${since}`, incidentOf(id, gate)));
    } else {
      now.set(id, WELL);
      if (before !== WELL)
        rows.push(
          row(`account:${id}`, `cleared:${id}:${dispatch.tickAt}`, {
            kind: 'notify.resolved',
            incident: `account:${id}`,
          }),
        );
    }
  }
  return { rows, now };
}

/** Once when it is near, once more on the last day, whatever restarts in between: the key holds the login's end. */
function tellOfLogins(
  { accounts, tickAt }: DispatchState,
  judged: Trouble,
): { rows: NewOutboxRow[]; now: Trouble } {
  const rows: NewOutboxRow[] = [];
  const now = new Map<string, string>();
  for (const [id, { expiring }] of accounts) {
    const name = `expiring:${id}`;
    const before = judged.get(id);
    if (expiring === undefined) {
      if (before !== undefined) now.set(id, before);
    } else if (expiring === null) {
      now.set(id, WELL);
      if (before !== WELL)
        rows.push(row(name, `cleared:${name}:${tickAt}`, { kind: 'notify.resolved', incident: name }));
    } else {
      const mark = `${expiring.endsAt}:${expiring.level}`;
      now.set(id, mark);
      if (before === mark) continue;
      const { title, detail, fix } = expiringWarning(id, expiring, tickAt);
      rows.push(
        row(name, `${name}:${mark}`, {
          kind: 'notify.incident',
          incident: name,
          title,
          detail: `${detail}\nNothing is held yet.\n${fix}`,
          urgent: expiring.level === 'last_day',
        }),
      );
    }
  }
  return { rows, now };
}

/** A warning and a stop, each once a day: the key of the row holds the day. */
function tellOfBudgets(
  { projects, tickAt }: DispatchState,
  told: Trouble | null,
): { rows: NewOutboxRow[]; now: Trouble } {
  const rows: NewOutboxRow[] = [];
  const now = new Map<string, string>();
  for (const [key, { budget }] of projects) {
    const name = `budget:${key}`;
    const before = told?.get(key);
    if (budget.level === 'within') {
      if (before !== undefined)
        rows.push(row(name, `cleared:${name}:${tickAt}`, { kind: 'notify.resolved', incident: name }));
      continue;
    }
    now.set(key, budget.level);
    if (before === budget.level) continue;
    const isReached = budget.level === 'reached';
    rows.push(
      row(name, `${name}:${budget.level}:${dayOf(tickAt)}`, {
        kind: 'notify.incident',
        incident: name,
        title: isReached
          ? `${key} has reached its budget of today`
          : `${key} has spent 80 % of its budget of today`,
        detail: isReached
          ? `${budget.detail}\nNothing new starts until the day ends (UTC). Live runs go on. To go on now, raise projects.${key}.budget in orch.yaml.`
          : budget.detail,
        urgent: isReached,
      }),
    );
  }
  return { rows, now };
}

function row(incident: string, key: string, message: OutboxMessage): NewOutboxRow {
  return { destination: 'notify', key, orderKey: `notify:${incident}`, availableAt: null, message };
}

function incidentOf(id: string, gate: { code: string; detail: string }): OutboxMessage {
  const [title, fix] = titleAndFix(id, gate.code);
  const detail = `${gate.detail}\nNothing is spent while its jobs wait.\n${fix}`;
  return { kind: 'notify.incident', incident: `account:${id}`, title, detail, urgent: true };
}

function titleAndFix(id: string, code: string): readonly [title: string, fix: string] {
  switch (code) {
    case 'account.signed_out':
      return [`Account ${id} is signed out`, `orch accounts login ${id}`];
    case 'agent.unproven_version':
      return [`Account ${id} is held: its CLI is a new version`, waysOut(id)];
    default:
      return [`Account ${id} needs you`, 'orch doctor --only agents'];
  }
}
