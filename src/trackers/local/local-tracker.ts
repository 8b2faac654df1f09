import type { BoardStore } from '../../store/store.ts';
import type { Tracker } from '../tracker.ts';

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
  };
}
