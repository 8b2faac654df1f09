import type { DispatchState } from '../core/dispatch-state.ts';
import { DEFAULT_RULES } from '../core/incident-plan.ts';
import { aboutOf, type Matter } from '../core/matter.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { createBrief } from './brief.ts';
import { createChanges } from './changes.ts';
import { createChats } from './chat.ts';
import type { ChatParts } from './chat-acts.ts';
import { createChatWords } from './chat-words.ts';
import { createDesk } from './desk.ts';
import { coversOf, heldBy } from './desk-view.ts';
import { createPeople } from './people.ts';
import type { Runtime } from './runtime.ts';
import type { createWhy } from './why.ts';

interface Parts extends Omit<ChatParts, 'people' | 'desk' | 'words'> {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly runtime: () => Runtime;
  readonly state: () => DispatchState | null;
  readonly staleAfterMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** All that goes between Orch and people: what they are told, what they ask, who they are. */
export function createTalk(parts: Parts & { readonly why: ReturnType<typeof createWhy> }) {
  const { store, clock, runtime, state, why } = parts;
  const changes = createChanges({ workspace: parts.workspace, runtime });
  const people = createPeople({ store, clock });
  const brief = createBrief({ store, clock, runtime, state, changes, reason: why.reason });

  /** Of an account what it holds, of an approval how large the change is. */
  async function held(matter: Matter): Promise<string | null> {
    if (matter.event !== 'approval') return heldBy(matter, store, state());
    const task = await store.task(aboutOf(matter)?.id ?? '');
    const stat = task === null ? null : await changes.stat(task);
    return stat === null ? null : `${stat.files} files +${stat.added} −${stat.deleted}`;
  }

  const desk = createDesk({
    ...{ store, clock, held },
    notifiers: () => runtime().notifiers,
    rules: (kind) => runtime().notifyRules?.(kind) ?? DEFAULT_RULES,
    covers: () => coversOf(state(), clock(), parts.staleAfterMs),
    pageOf: (path) => {
      const url = runtime().publicUrl ?? null;
      return url === null ? null : `${url.replace(/\/+$/, '')}${path}`;
    },
  });
  const words = createChatWords({ store, clock, why, brief, changes, targetOf: parts.decisions.targetOf });
  const chats = createChats({ ...parts, people, desk, words });
  return { desk, people, brief: brief.brief, chats };
}
