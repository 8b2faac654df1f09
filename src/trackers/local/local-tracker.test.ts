import { type Line, losingAnswers } from '../../../test/support/lost-answers.ts';
import { openSqliteStore } from '../../store/sqlite/sqlite-store.ts';
import { trackerContract } from '../tracker.contract.ts';
import { createLocalTracker } from './local-tracker.ts';

trackerContract('local', async () => {
  const store = openSqliteStore(':memory:', () => 1);
  const { board } = store;
  const { id } = await board.create({ project: 'api', key: null, title: 'One', body: '' }, 1);
  const line: Line = { loses: false };
  const lossy = losingAnswers(board, line, 'tracker.unreachable');
  const writes = {
    comment: (...args: Parameters<typeof board.comment>) => lossy.comment(...args),
    report: (...args: Parameters<typeof board.report>) => lossy.report(...args),
    setStatus: (...args: Parameters<typeof board.setStatus>) => lossy.setStatus(...args),
  };
  return {
    tracker: createLocalTracker('api', { ...board, ...writes }, () => 1),
    itemId: id,
    comments: async () => (await board.item('api', id))?.comments.map(({ body }) => body) ?? [],
    status: async () => (await board.item('api', id))?.status ?? 'gone',
    loseNext: () => {
      line.loses = true;
    },
    discard: () => store.close(),
  };
});
