import { NEEDS_YOU_AFTER_MS, UNREACHABLE_AFTER_MS } from './delivery.ts';
import type { DispatchState, Reason } from './dispatch-state.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Trackers and forges that have not answered for a while. A tracker holds nothing back: what it is to be told
 * waits in the outbox. A forge holds back the stages without an agent (`reasonFor`): they merge, deploy and run
 * commands on what was merged, while the pull requests of agents' work wait in the outbox too.
 */
export function destinationGates(d: DispatchState): Reason[] {
  return d.troubles.flatMap(({ name, unanswered }) => {
    const { kind, project } = partsOf(name);
    if (project === null || unanswered === null) return [];
    const { since, error, failures, nextTryAt } = unanswered;
    const lasts = d.tickAt - since;
    if (lasts < UNREACHABLE_AFTER_MS) return [];
    const needsYou = lasts >= NEEDS_YOU_AFTER_MS;
    return [
      {
        code: kind === 'forge' ? 'forge.unreachable' : 'tracker.unreachable',
        scope: { kind: 'project', id: project, label: project },
        state: needsYou ? 'needs_you' : 'waiting',
        title: `The ${kind} of ${project} has not answered since ${timeOf(since, d.tickAt)}`,
        detail: `${error} (${failures} ${failures === 1 ? 'try' : 'tries'}, the next at ${timeOf(nextTryAt, d.tickAt)})`,
        since,
        clearsAt: null,
        clearsWhen: needsYou
          ? 'A person looks at why. Orch goes on asking, and nothing that waits for it is lost.'
          : 'No action needed: it is asked again, and clears when it answers.',
        fix: checkAgain(name),
      },
    ];
  });
}

/** Projects whose stages without an agent wait for the forge. */
export function unreachableForges(d: DispatchState): string[] {
  return destinationGates(d)
    .filter(({ code }) => code === 'forge.unreachable')
    .map(({ scope }) => scope.id);
}

/** Projects whose tracker or forge does not answer: what fails there meanwhile is a consequence. */
export function unreachableCovers(d: DispatchState): string[] {
  return destinationGates(d).map(({ scope }) => scope.id);
}

/** Gates that are worth a word also when no job waits for them. */
export function isUnreachable({ code }: Pick<Reason, 'code'>): boolean {
  return code === 'tracker.unreachable' || code === 'forge.unreachable';
}

export function checkAgain(destination: string): string {
  return `orch outbox retry --all --destination ${destination}`;
}

function partsOf(name: string): { kind: string; project: string | null } {
  const at = name.indexOf(':');
  return at < 0 ? { kind: name, project: null } : { kind: name.slice(0, at), project: name.slice(at + 1) };
}

function timeOf(at: number, now: number): string {
  const text = new Date(at).toISOString();
  const clock = `${text.slice(11, 16)} UTC`;
  return Math.abs(now - at) < DAY_MS ? clock : `${text.slice(0, 10)} ${clock}`;
}
