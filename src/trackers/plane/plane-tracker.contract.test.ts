import { startPlane } from '../../../test/fakes/plane.ts';
import { trackerContract } from '../tracker.contract.ts';
import { planeTracker } from './plane-tracker.ts';
import { planeContext } from './test-kit.ts';

trackerContract('plane', async () => {
  const plane = await startPlane();
  const item = plane.item({ labels: ['agent'] });
  const words: Readonly<Record<string, string>> = {
    'In Progress': 'in_progress',
    Done: 'done',
    Cancelled: 'cancelled',
  };
  return {
    tracker: planeTracker.create(planeContext(plane)),
    itemId: item.id,
    comments: async () =>
      plane.commentsOf(item.id).map(({ comment_html }) => comment_html.replaceAll(/<[^>]*>/g, '')),
    status: async () => words[plane.stateOf(item.id)] ?? 'open',
    loseNext: () => plane.loseNext(),
    discard: () => plane.close(),
  };
});
