import { randomInt } from 'node:crypto';
import { AppError } from '../core/errors.ts';
import type { Role } from '../core/roles.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/store.ts';
import type { Actor } from './intake.ts';

const CODE_MS = 10 * 60_000;
/** Tries of one person of a chat; after them nothing of theirs is looked at for a while. */
const MAX_TRIES = 5;
const TRIES_MS = 60 * 60_000;
/** People whose tries are remembered. */
const MAX_TRIERS = 10_000;

export interface ChatUser {
  readonly name: string;
  readonly role: Role;
}

/** Who somebody of a chat is here: linked by a one-time code, and a user with a role. */
export function createChatPeople({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
  const tries = new Map<string, readonly number[]>();

  async function personOf(userId: number | null): Promise<ChatUser | null> {
    const user = userId === null ? null : await store.users.byId(userId);
    return user === null || user.disabledAt !== null ? null : { name: user.name, role: user.role };
  }

  return {
    /** Null: linked to nobody, or to a user who may not sign in any more. */
    of: async (channel: string, externalId: string): Promise<ChatUser | null> =>
      personOf(await store.talk.linkOf(channel, externalId)),

    /** A code that links whoever says it in a chat next to this user. Throws `user.unknown`. */
    async issue(name: string, actor: Actor): Promise<{ code: string; user: string; expiresAt: number }> {
      const user = await store.users.byName(name);
      if (user === null || user.disabledAt !== null)
        throw new AppError(`there is no user ${name.slice(0, 60)}`, {
          code: 'user.unknown',
          hint: 'orch users',
        });
      const code = String(randomInt(1_000_000)).padStart(6, '0');
      const expiresAt = clock() + CODE_MS;
      await store.talk.putLinkCode(code, user.id, expiresAt);
      await store.audit({ ...actor, action: 'user.link', target: user.name, at: clock() });
      return { code, user: user.name, expiresAt };
    },

    /** `ignored`: too many wrong codes, so that none can be guessed. */
    async link(channel: string, externalId: string, code: string): Promise<ChatUser | 'wrong' | 'ignored'> {
      const who = `${channel}:${externalId}`;
      const now = clock();
      const recent = (tries.get(who) ?? []).filter((at) => now - at < TRIES_MS);
      if (recent.length >= MAX_TRIES || (tries.size >= MAX_TRIERS && !tries.has(who))) return 'ignored';
      tries.set(who, [...recent, now]);
      const userId = /^\d{6}$/.test(code)
        ? await store.talk.takeLinkCode(code, channel, externalId, now)
        : null;
      const person = await personOf(userId);
      if (person === null) return 'wrong';
      tries.delete(who);
      await store.audit({
        ...{ by: person.name, surface: 'telegram', action: 'user.link', at: now },
        target: `${person.name} as ${who}`,
      });
      return person;
    },
  };
}

export type ChatPeople = ReturnType<typeof createChatPeople>;
