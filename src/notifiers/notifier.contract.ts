import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Delivery, failureOf } from '../core/delivery.ts';
import { AppError } from '../core/errors.ts';
import type { Notifier, NotifierMessage } from './notifier.ts';

/** A channel with people at its other end. */
export interface OpenedNotifier {
  readonly notifier: Notifier;
  /** It can tell what it has sent already. Without, it sends at least once and marks what may come twice. */
  readonly hasLookUp: boolean;
  /** Texts that people see now. */
  seen(): string[];
  /** The next call acts, and its answer gets lost. */
  loseNext(): void;
  /** The next call is answered with this trouble, and does nothing. */
  refuseNext(trouble: 'for_ever' | 'not_now' | 'wait_7_s' | 'message_gone'): void;
  /** Nobody listens there any more. */
  unplug(): Promise<void>;
  /** What must never be seen in an error. */
  readonly secret: string;
  discard(): Promise<void>;
}

/** What every notifier keeps, whatever happens between it and us. */
export function notifierContract(
  kind: string,
  open: () => Promise<OpenedNotifier>,
  /** People can delete a message there. */
  { messagesGo }: { readonly messagesGo: boolean },
): void {
  describe(`${kind} as a notifier`, () => {
    let here: OpenedNotifier;
    beforeEach(async () => {
      here = await open();
    });
    afterEach(() => here.discard());

    const by = (fields: Partial<Delivery> = {}): Delivery => ({
      ...{ key: 'k1', again: false, signal: new AbortController().signal },
      ...fields,
    });
    const message: NotifierMessage = {
      ...{
        title: 'claude-a <signed> out',
        detail: 'a & b',
        state: 'needs_you',
        incident: 'account:claude-a',
      },
      ...{ event: 'needs_you', project: null, change: 'opened', urgent: true, at: 0, silent: false },
      ...{ buttons: [], replyTo: null },
    };
    const errorOf = async (act: Promise<unknown>): Promise<AppError> => {
      const error = await act.then(
        () => 'it went well',
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof AppError)) throw error;
      expect(JSON.stringify([error.message, error.hint, error.facts])).not.toContain(here.secret);
      return error;
    };

    it('names its channel, sends, and edits what it has sent', async () => {
      expect(here.notifier.channel).toMatch(new RegExp(`^${kind}:`));
      const ref = await here.notifier.send(message, by());
      await here.notifier.send({ ...message, title: 'another', incident: 'job_2' }, by({ key: 'k2' }));
      await here.notifier.edit(ref, { ...message, title: 'resolved' }, by({ key: 'k3' }));
      expect(here.seen()).toHaveLength(2);
      expect(here.seen()[0]).toContain('resolved');
    });

    it('sends again what may not have arrived: once where it can look, else marked', async () => {
      here.loseNext();
      expect(failureOf(await errorOf(here.notifier.send(message, by())))).toMatchObject({
        kind: 'unreachable',
        done: 'unknown',
      });
      await here.notifier.send(message, by({ again: true }));
      const [first, second] = here.seen();
      expect(here.seen()).toHaveLength(here.hasLookUp ? 1 : 2);
      expect(first).not.toContain('possibly sent twice');
      if (!here.hasLookUp) expect(second).toContain('possibly sent twice');
    });

    it('edits twice without harm, and without a mark', async () => {
      const ref = await here.notifier.send(message, by());
      here.loseNext();
      await errorOf(here.notifier.edit(ref, { ...message, title: 'later' }, by({ key: 'k2' })));
      await here.notifier.edit(ref, { ...message, title: 'later' }, by({ key: 'k2', again: true }));
      expect(here.seen()).toHaveLength(1);
      expect(here.seen()[0]).toContain('later');
      expect(here.seen()[0]).not.toContain('twice');
    });

    it.each([
      ['for_ever', { kind: 'refused' }],
      ['not_now', { kind: 'unreachable' }],
      ['wait_7_s', { kind: 'unreachable', done: 'no', retryAfterMs: 7000 }],
    ] as const)('tells trouble apart: %s', async (trouble, failure) => {
      here.refuseNext(trouble);
      expect(failureOf(await errorOf(here.notifier.send(message, by())))).toMatchObject(failure);
      expect(here.seen()).toEqual([]);
    });

    if (messagesGo)
      it('says when the message that it was to edit is gone', async () => {
        const ref = await here.notifier.send(message, by());
        here.refuseNext('message_gone');
        expect((await errorOf(here.notifier.edit(ref, message, by()))).code).toBe('notifier.gone');
      });

    it('knows that nothing was sent where nobody listens', async () => {
      await here.unplug();
      expect(failureOf(await errorOf(here.notifier.send(message, by())))).toMatchObject({
        kind: 'unreachable',
        done: 'no',
      });
    });

    it('gives up a call whose delivery is given up, and begins none after that', async () => {
      const signal = AbortSignal.abort();
      await expect(here.notifier.send(message, by({ signal }))).rejects.toThrow();
      expect(here.seen()).toEqual([]);
    });
  });
}
