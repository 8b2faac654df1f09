import type { DispatchState } from '../core/dispatch-state.ts';
import type { Explained } from '../core/explain.ts';
import { inBytes } from '../lib/bytes.ts';
import type { Explain } from './contract.ts';

type Held = Explained['reasons'];

/** What the last tick saw, where it is known. */
interface Facts {
  readonly state: DispatchState;
  /** Bytes left on the fullest disk; null = not known. */
  readonly room: number | null;
}

interface Check {
  readonly code: string;
  /** What an open gate stands at. */
  readonly ok: (facts: Facts) => string;
  /** What a closed one does, in two words; left out = the title of its reason. */
  readonly held?: (held: Held, facts: Facts) => string;
}

const open = (held: Held): string => `${held.length} open`;
const noneOpen = (): string => 'none open';
const slots = (_held: Held, { state: { workers } }: Facts): string =>
  `${workers.running} of ${workers.slots} slots`;

const ORDER: readonly Check[] = [
  { code: 'dispatch', ok: () => 'on' },
  { code: 'host', ok: ({ room }) => (room === null ? 'clear' : `${inBytes(room)} free`) },
  { code: 'dependency', ok: noneOpen, held: open },
  { code: 'approval', ok: noneOpen, held: open },
  { code: 'budget', ok: nearBudgets, held: (held) => `${held.length} reached` },
  { code: 'tracker', ok: () => 'answers' },
  { code: 'forge', ok: () => 'answers' },
  { code: 'account', ok: () => 'all usable', held: accountsOut },
  { code: 'breaker', ok: noneOpen, held: open },
  { code: 'backoff', ok: () => 'none waits', held: (held) => `${jobsOf(held)} waiting` },
  { code: 'cap', ok: () => 'none reached', held: (held) => `${held.length} reached` },
  { code: 'worker', ok: (facts) => slots([], facts), held: slots },
];

/**
 * The gates in dispatch order, one state each, as the last tick saw them: null = it saw nothing for too
 * long; `past`: only the reasons of that instant are known.
 */
export function checksOf(explanation: Explained, facts: Facts | 'past' | null): Explain['checks'] {
  if (facts === null || explanation.verdict === 'unknown')
    return ORDER.map(({ code }) => ({ code, state: 'unknown' as const, value: 'not ticked' }));
  return ORDER.map(({ code, ok, held: words }) => {
    const held = explanation.reasons.filter((each) => family(each.reason.code) === code && isGate(each));
    const worst = held.find(({ reason }) => reason.state === 'needs_you') ?? held[0];
    if (worst === undefined)
      return { code, state: 'ok' as const, value: facts === 'past' ? 'clear' : ok(facts) };
    const { title, state } = worst.reason;
    return { code, state, value: facts === 'past' || words === undefined ? title : words(held, facts) };
  });
}

function nearBudgets({ state }: Facts): string {
  const near = [...state.projects.values()].filter(({ budget }) => budget.level === 'near').length;
  return near === 0 ? 'none reached' : `${near} nearly spent`;
}

/** "1 of 4 out"; what holds no account is told in words. */
function accountsOut(held: Held, { state }: Facts): string {
  const out = new Set(
    held.filter(({ reason }) => reason.scope.kind === 'account').map(({ reason }) => reason.scope.id),
  );
  const other = held.find(({ reason }) => reason.scope.kind !== 'account');
  return other === undefined ? `${out.size} of ${state.accounts.size} out` : other.reason.title;
}

function jobsOf(held: Held): number {
  return held.reduce((sum, { jobs }) => sum + jobs.length, 0);
}

/** A task that waits for a person, and a sign-in that ends before long, keep nothing from starting. */
function isGate({ reason, jobs }: Held[number]): boolean {
  return jobs.length > 0 || (reason.scope.kind !== 'task' && reason.code !== 'account.expiring');
}

function family(code: string): string {
  const [head] = code.split('.');
  if (head === 'retry') return 'backoff';
  if (head === 'question') return 'approval';
  if (head === 'project' || head === 'lock') return 'cap';
  if (head === 'gate' || head === 'agent') return 'account';
  return head ?? code;
}
