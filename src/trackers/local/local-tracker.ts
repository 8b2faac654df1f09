import { AppError } from '../../core/errors.ts';
import type { BoardStore, WorkItem } from '../../store/store.ts';
import type { TrackedItem, Tracker } from '../tracker.ts';

const NEAREST = 3;

/** Orch's own board, in Orch's own store: the row of a comment has its key, so a repeat needs no look. */
export function createLocalTracker(project: string, board: BoardStore, clock: () => number): Tracker {
  /** A comment on nothing would be kept, and seen by nobody. */
  async function checkItem(id: string): Promise<void> {
    if ((await board.item(project, id)) !== null) return;
    throw new AppError(`the board of ${project} has no item ${id}`, {
      code: 'tracker.refused',
      hint: 'orch outbox drop it: the item is gone',
    });
  }
  return {
    kind: 'local',
    async item(id) {
      const found = await board.item(project, id);
      return found === null ? null : tracked(found);
    },
    async comment(id, body, by) {
      by.signal.throwIfAborted();
      await checkItem(id);
      await board.comment(project, id, by.key, body, clock());
    },
    async report(id, body, by) {
      by.signal.throwIfAborted();
      await checkItem(id);
      await board.report(project, id, body, clock());
    },
    async setStatus(id, status, _stage, by) {
      by.signal.throwIfAborted();
      await checkItem(id);
      await board.setStatus(project, id, status, clock());
    },
    async survey() {
      const { items, open, nearest } = await board.survey(project, NEAREST);
      return {
        source: "Orch's own board",
        rule: 'an item submitted with orch submit that is not done or cancelled',
        lookedAt: clock(),
        seen: items,
        matching: open,
        nearest: nearest.map(({ key, status }) => ({ key, why: `is ${status}` })),
      };
    },
    feed: null,
  };
}

function tracked({ id, key, title, body, status, createdAt, updatedAt }: WorkItem): TrackedItem {
  const isOpen = status !== 'done' && status !== 'cancelled';
  return {
    ...{ id, key, title, body, status, createdAt, updatedAt, isOpen },
    ...{ url: null, labels: [], blockedBy: [], author: null, priority: 0 },
    mismatch: isOpen ? null : `is ${status}`,
  };
}
