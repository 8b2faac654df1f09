import type { BoardStore } from '../../store/store.ts';
import type { Tracker } from '../tracker.ts';

const NEAREST = 3;

/** Orch's own board, in Orch's own store. */
export function createLocalTracker(project: string, board: BoardStore, clock: () => number): Tracker {
  return {
    kind: 'local',
    async item(id) {
      return board.item(project, id);
    },
    async comment(id, key, body) {
      await board.comment(project, id, key, body, clock());
    },
    async setStatus(id, status) {
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
  };
}
