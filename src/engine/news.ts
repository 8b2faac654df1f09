import { CHECKING } from '../core/account-gate.ts';
import { expiringWarning } from '../core/account-warning.ts';
import { waysOut } from '../core/announce.ts';
import { dayOf } from '../core/budget.ts';
import type { DestinationTrouble } from '../core/delivery.ts';
import { checkAgain, destinationGates } from '../core/destination-gates.ts';
import { type DispatchState, gateKey, type Reason } from '../core/dispatch-state.ts';
import type { NewOutboxRow, OutboxMessage } from '../core/effects.ts';

type Trouble = ReadonlyMap<string, string>;
/** Without this mark a trouble may be left that an earlier process told of. */
const WELL = '';

/**
 * What people are told of accounts, of their logins, of the budgets of projects and of destinations: one incident each, and its end. `tell`
 * gives the rows of one tick; it remembers what the tick before was about.
 */
export function createNews() {
  /** Accounts that were judged since the start: the code of a closed gate, or `WELL`. */
  let accounts: Trouble = new Map();
  /** Logins that were judged since the start: when and how soon one ends, or `WELL`. */
  let logins: Trouble = new Map();
  /** Projects near or at their budget, with how near. */
  let budgets: Trouble | null = null;
  /** Destinations with messages that were given up, or without an answer, with what was told of them. */
  let destinations: Trouble | null = null;
  /** Why the machine may start nothing, or `WELL`; null before the first tick. */
  let host: string | null = null;

  return function tell(dispatch: DispatchState): NewOutboxRow[] {
    const ofAccounts = tellOfAccounts(dispatch, accounts);
    const ofLogins = tellOfLogins(dispatch, logins);
    const ofBudgets = tellOfBudgets(dispatch, budgets);
    const ofDestinations = tellOfDestinations(dispatch, destinations);
    const ofHost = tellOfHost(dispatch, host);
    host = dispatch.host?.code ?? WELL;
    destinations = ofDestinations.now;
    accounts = ofAccounts.now;
    logins = ofLogins.now;
    budgets = ofBudgets.now;
    return [...ofHost, ...ofAccounts.rows, ...ofLogins.rows, ...ofBudgets.rows, ...ofDestinations.rows];
  };
}

function tellOfHost({ host, tickAt, since }: DispatchState, told: string | null): NewOutboxRow[] {
  if (host === null)
    return told === WELL
      ? []
      : [row('host', `cleared:host:${tickAt}`, { kind: 'notify.resolved', incident: 'host' })];
  if (told === host.code) return [];
  const from = since.get(gateKey(host.code, { kind: 'host', id: '' })) ?? tickAt;
  const title = host.code === 'host.disk' ? 'The disk is nearly full' : 'The memory is nearly full';
  const detail = `${host.detail}\nNothing new starts, live runs go on.`;
  return [
    row('host', `host:${host.code}:${from}`, {
      ...{ kind: 'notify.incident', incident: 'host', title, detail, urgent: true },
    }),
  ];
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
      // A limit was told at the end of the run that met it.
      const isTold = gate.state === 'needs_you' || gate.code === 'breaker.open';
      if (isTold && before !== gate.code)
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
        project: key,
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
    if (name === 'notify' || name.startsWith('notify:')) continue;
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
    project: name.slice(name.indexOf(':') + 1),
  };
}

function row(incident: string, key: string, message: OutboxMessage): NewOutboxRow {
  return { destination: 'notify', key, orderKey: `notify:${incident}`, availableAt: null, message };
}

function incidentOf(id: string, gate: { code: string; detail: string }): OutboxMessage {
  const [title, fix] = titleAndFix(id, gate.code);
  const detail = `${gate.detail}\nNothing is spent while its jobs wait.\n${fix}`;
  const isBreaker = gate.code === 'breaker.open';
  return {
    ...{ kind: 'notify.incident', incident: `account:${id}`, title, detail, urgent: !isBreaker },
    ...(isBreaker ? { event: 'limit' as const } : {}),
  };
}

function titleAndFix(id: string, code: string): readonly [title: string, fix: string] {
  switch (code) {
    case 'account.signed_out':
      return [`Account ${id} is signed out`, `orch accounts login ${id}`];
    case 'breaker.open':
      return [`Breaker for ${id} is open`, 'No action needed: one run is tried before long.'];
    case 'agent.unproven_version':
      return [`Account ${id} is held: its CLI is a new version`, waysOut(id)];
    default:
      return [`Account ${id} needs you`, 'orch doctor --only agents'];
  }
}
