import type { DestinationTrouble, Unanswered } from './delivery.ts';
import type { Reason } from './dispatch-state.ts';

/** What waits outside of a project's line, as the last look at its tracker found it. */
export interface IntakeWait {
  readonly project: string;
  /** The match rule in words. */
  readonly rule: string;
  /** Keys of items that match a rule whose items nobody let in yet, oldest first. */
  readonly pending: readonly string[];
  readonly since: number;
  /** Items that could not be taken on, and why. */
  readonly refused: readonly { readonly key: string; readonly error: string; readonly since: number }[];
}

const SHOWN = 5;

/** One reason per project whose items wait to be let in, and one per project whose items cannot be taken on. */
export function intakeReasons(waits: readonly IntakeWait[]): Reason[] {
  return waits.flatMap(({ project, rule, pending, since, refused }) => {
    const scope = { kind: 'project', id: project, label: project } as const;
    const own = { scope, state: 'needs_you', clearsAt: null } as const;
    const reasons: Reason[] = [];
    if (pending.length > 0) {
      const [verb, noun] = pending.length === 1 ? ['matches', 'item'] : ['match', 'items'];
      reasons.push({
        ...own,
        code: 'intake.pending',
        title: `${pending.length} ${noun} of ${project} ${verb} ${rule}: nobody let them in yet`,
        detail: `${listed(pending)}. A new tracker or another rule takes nothing on by itself`,
        since,
        clearsWhen: 'A person lets them in: all, or the first of them.',
        fix: `orch intake accept --project ${project}`,
      });
    }
    const [first] = refused;
    if (first !== undefined)
      reasons.push({
        ...own,
        code: 'intake.failed',
        title: `${listed(refused.map(({ key }) => key))} of ${project} cannot be taken on`,
        detail: first.error,
        since: first.since,
        clearsWhen: 'A person mends what is wrong; it is tried at every look.',
        fix: `orch intake --project ${project}`,
      });
    return reasons;
  });
}

function listed(keys: readonly string[]): string {
  const more = keys.length - SHOWN;
  return more > 0 ? `${keys.slice(0, SHOWN).join(', ')} and ${more} more` : keys.join(', ');
}

/** What deliveries and looks know of destinations, together: the earlier of two stories about one stands. */
export function withLooks(
  troubles: readonly DestinationTrouble[],
  looks: ReadonlyMap<string, Unanswered>,
): readonly DestinationTrouble[] {
  const known = troubles.map((trouble) => {
    const look = looks.get(trouble.name);
    const isOlder = look !== undefined && (trouble.unanswered?.since ?? Infinity) > look.since;
    return isOlder ? { ...trouble, unanswered: look } : trouble;
  });
  const names = new Set(troubles.map(({ name }) => name));
  const added = [...looks].filter(([name]) => !names.has(name));
  return [...known, ...added.map(([name, unanswered]) => ({ name, unanswered, dead: null, retried: false }))];
}
