import { sizeLine } from '../core/approvals.ts';
import type { DispatchState } from '../core/dispatch-state.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { DEFAULT_RULES } from '../core/incident-plan.ts';
import { aboutOf, type Matter } from '../core/matter.ts';
import type { Task } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { NotifierMessage } from '../notifiers/notifier.ts';
import type { Store } from '../store/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { createBranchChanges } from './branch-changes.ts';
import { createBrief } from './brief.ts';
import { createChats } from './chat.ts';
import type { ChatParts } from './chat-acts.ts';
import { createChatPeople } from './chat-people.ts';
import { createChatWords } from './chat-words.ts';
import { createDesk } from './desk.ts';
import { coversOf, heldBy } from './desk-view.ts';
import type { Runtime } from './runtime.ts';
import type { createWhy } from './why.ts';

const TEST_MS = 20_000;

export interface ChannelTest {
  readonly channel: string;
  readonly ok: boolean;
  readonly problem: string | null;
  readonly fix: string | null;
}

interface Parts extends Omit<ChatParts, 'people' | 'desk' | 'words' | 'sizeOf'> {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly runtime: () => Runtime;
  readonly state: () => DispatchState | null;
  readonly staleAfterMs: number;
  readonly secrets: () => readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** All that goes between Orch and people: what they are told, what they ask, who they are. */
export function createTalk(parts: Parts & { readonly why: ReturnType<typeof createWhy> }) {
  const { store, clock, runtime, state, why } = parts;
  const changes = createBranchChanges({ workspace: parts.workspace, runtime });
  const people = createChatPeople({ store, clock });
  const brief = createBrief({ store, clock, runtime, state, changes, reason: why.reason });

  const sizeOf = async (task: Task) => sizeLine(task, await changes.stat(task));

  /** Of an account what it holds, of an approval how large the change is and what its checks said. */
  async function held(matter: Matter): Promise<string | null> {
    if (matter.event !== 'approval') return heldBy(matter, store, state());
    const task = await store.task(aboutOf(matter)?.id ?? '');
    return task === null ? null : (await sizeOf(task)) || null;
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
  const words = createChatWords({
    ...{ store, clock, why, brief, changes },
    secrets: () => [
      ...[...runtime().accounts.values()].flatMap(({ account }) => Object.values(account.env)),
      ...parts.secrets(),
    ],
    targetOf: parts.decisions.targetOf,
  });
  const chats = createChats({ ...parts, people, desk, words, sizeOf });

  /** Sends a test message by every channel, whatever its rules say, and tells what is wrong. */
  async function testChannels(by: string): Promise<readonly ChannelTest[]> {
    return Promise.all(
      runtime().notifiers.map(async (notifier) => {
        const at = clock();
        const message: NotifierMessage = {
          ...{ title: 'Orch can reach you here', detail: `A test, asked for by ${by}.`, state: 'info' },
          ...{ incident: `test:${at}`, event: 'done', project: null, change: 'opened', urgent: false, at },
          ...{ silent: false, buttons: [], replyTo: null },
        };
        const delivery = { key: `test:${at}`, again: false, signal: AbortSignal.timeout(TEST_MS) };
        const error = await notifier.send(message, delivery).then(
          () => null,
          (thrown: unknown) => thrown,
        );
        const fix = error instanceof AppError ? (error.hint ?? null) : null;
        const problem = error === null ? null : messageOf(error);
        return { channel: notifier.channel, ok: error === null, problem, fix };
      }),
    );
  }

  return { desk, people, brief: brief.brief, chats, testChannels };
}
