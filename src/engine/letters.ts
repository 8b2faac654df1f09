import type { DestinationTrouble } from '../core/delivery.ts';
import type { Clock } from '../lib/clock.ts';
import type { Letter, LetterFilter, Page, Store } from '../store/store.ts';
import type { Actor } from './intake.ts';

/** What was not delivered, and what a person does about it. */
export function createLetters(parts: {
  readonly store: Store;
  readonly clock: Clock;
  /** A person wants a destination to be asked now; null = all. */
  readonly asked: (destination: string | null) => void;
}) {
  const { store, clock } = parts;
  const audit = (actor: Actor, action: string, target: string) => ({ ...actor, action, target, at: clock() });
  return {
    troubles: (): Promise<readonly DestinationTrouble[]> => store.troubles(),
    list: (filter: LetterFilter): Promise<Page<Letter>> => store.letters(filter),
    /** Now, whatever their destination was last known to do. Throws `not_found`; then nothing changed. */
    retry(which: readonly number[] | { readonly destination: string | null }, actor: Actor) {
      if ('destination' in which) parts.asked(which.destination);
      const target = 'destination' in which ? (which.destination ?? 'all') : which.map(letterName).join(' ');
      return store.retryLetters(which, clock(), audit(actor, 'outbox.retry', target));
    },
    /** For good, with the reason in the audit log. Throws `not_found`. */
    drop: (id: number, reason: string, actor: Actor): Promise<void> =>
      store.dropLetter(id, reason, clock(), audit(actor, 'outbox.drop', `${letterName(id)}: ${reason}`)),
  };
}

export function letterName(id: number): string {
  return `msg_${id}`;
}
