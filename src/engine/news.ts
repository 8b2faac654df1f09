import { CHECKING } from '../core/account-gate.ts';
import { dayOf } from '../core/budget.ts';
import type { DestinationTrouble } from '../core/delivery.ts';
import { checkAgain, destinationGates } from '../core/destination-gates.ts';
import { type DispatchState, gateKey, type Reason } from '../core/dispatch-state.ts';
import type { NewOutboxRow, OutboxMessage } from '../core/effects.ts';

type Trouble = ReadonlyMap<string, string>;

/**
 * What people are told of accounts, of the budgets of projects and of destinations: one incident each, and its end. `tell`
 * gives the rows of one tick; it remembers what the tick before was about.
 */
export function createNews() {
  /** Accounts that start nothing, with the code of their gate; null before the first look. */
  let accounts: Trouble | null = null;
  /** Projects near or at their budget, with how near. */
  let budgets: Trouble | null = null;
  /** Destinations with messages that were given up, or without an answer, with what was told of them. */
  let destinations: Trouble | null = null;

  return function tell(dispatch: DispatchState): NewOutboxRow[] {
    const ofAccounts = tellOfAccounts(dispatch, accounts);
    const ofBudgets = tellOfBudgets(dispatch, budgets);
    const ofDestinations = tellOfDestinations(dispatch, destinations);
    destinations = ofDestinations.now;
    accounts = ofAccounts.now;
    budgets = ofBudgets.now;
    return [...ofAccounts.rows, ...ofBudgets.rows, ...ofDestinations.rows];
  };
}

/** What a run already told of its account is edited, not repeated. */
function tellOfAccounts(
  dispatch: DispatchState,
  troubled: Trouble | null,
): { rows: NewOutboxRow[]; now: Trouble } {
  const rows: NewOutboxRow[] = [];
  const now = new Map<string, string>();
  for (const [id, gate] of dispatch.accounts) {
    const before = troubled?.get(id);
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
    } else if (troubled === null || before !== undefined)
      rows.push(
        row(`account:${id}`, `cleared:${id}:${dispatch.tickAt}`, {
          kind: 'notify.resolved',
          incident: `account:${id}`,
        }),
      );
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

/**
 * One incident per destination, whatever is given up of it or however long it does not answer. Never of
 * `notify` itself: what cannot be told is not told by the same way (`orch status` and `orch doctor` say it).
 */
function tellOfDestinations(
  dispatch: DispatchState,
  told: Trouble | null,
): { rows: NewOutboxRow[]; now: Trouble } {
  const rows: NewOutboxRow[] = [];
  const now = new Map<string, string>();
  const away = new Map(
    destinationGates(dispatch).map((reason) => [`${reason.code}:${reason.scope.id}`, reason]),
  );
  for (const { name, dead, retried } of dispatch.troubles) {
    if (name === 'notify') continue;
    const gate = away.get(name.replace(':', '.unreachable:'));
    const silent = gate?.state === 'needs_you' ? gate : null;
    const before = told?.get(name);
    // Messages tried anew may yet come to the same end: not over before that is known.
    if (retried && dead === null && silent === null && before !== undefined) now.set(name, before);
    if (dead === null && silent === null) continue;
    const mark = `${dead?.count ?? 0}:${dead?.newestAt ?? 0}:${silent?.since ?? 0}`;
    now.set(name, mark);
    if (before === mark) continue;
    rows.push(row(`outbox:${name}`, `outbox:${name}:${mark}`, outboxIncident(name, dead, silent)));
  }
  // Also of every destination at a start: what an earlier process told may be over.
  const all = [...dispatch.projects.keys()].flatMap((project) => [`tracker:${project}`, `forge:${project}`]);
  for (const name of told?.keys() ?? all)
    if (!now.has(name))
      rows.push(
        row(`outbox:${name}`, `cleared:outbox:${name}:${dispatch.tickAt}`, {
          kind: 'notify.resolved',
          incident: `outbox:${name}`,
        }),
      );
  return { rows, now };
}

function outboxIncident(
  name: string,
  dead: DestinationTrouble['dead'],
  silent: Reason | null,
): OutboxMessage {
  const givenUp =
    dead === null
      ? null
      : `${dead.count} ${dead.count === 1 ? 'message' : 'messages'} to ${name} ${dead.count === 1 ? 'was' : 'were'} given up`;
  const why = [dead?.error, silent === null || dead === null ? null : silent.title, silent?.detail].filter(
    (line) => line != null,
  );
  return {
    kind: 'notify.incident',
    incident: `outbox:${name}`,
    title: givenUp ?? silent?.title ?? name,
    detail: [...why, dead === null ? checkAgain(name) : `orch outbox --destination ${name}`].join('\n'),
    urgent: false,
  };
}

function row(incident: string, key: string, message: OutboxMessage): NewOutboxRow {
  return { destination: 'notify', key, orderKey: `notify:${incident}`, availableAt: null, message };
}

function incidentOf(id: string, gate: { code: string; detail: string }): OutboxMessage {
  const title =
    gate.code === 'account.signed_out' ? `Account ${id} is signed out` : `Account ${id} needs you`;
  const fix = gate.code === 'account.signed_out' ? `orch accounts login ${id}` : 'orch doctor --only agents';
  const detail = `${gate.detail}\nNothing is spent while its jobs wait.\n${fix}`;
  return { kind: 'notify.incident', incident: `account:${id}`, title, detail, urgent: true };
}
