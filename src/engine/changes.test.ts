import { describe, expect, it } from 'vitest';
import { createChanges } from './changes.ts';

describe('changes', () => {
  it('are told after a revision, each thing once and the latest last', () => {
    const changes = createChanges(() => 5);
    const from = changes.rev();
    for (const id of ['API-1', 'API-2', 'API-1']) changes.note('task', id);
    expect(changes.since(from)).toEqual([
      { type: 'task', id: 'API-2', rev: from + 2 },
      { type: 'task', id: 'API-1', rev: from + 3 },
    ]);
    expect(changes.since(from + 2)).toHaveLength(1);
    expect(changes.since(from + 3)).toEqual([]);
  });

  it('of which some are forgotten, or that another process made, are told as: all', () => {
    const changes = createChanges(() => 5);
    const from = changes.rev();
    for (let i = 0; i < 5000; i++) changes.note('job', `job_${i}`);
    const all = [{ type: 'all', id: '', rev: from + 5000 }];
    expect(changes.since(from)).toEqual(all);
    expect(changes.since(from + 4990)).toHaveLength(10);
    expect(changes.since(from + 9999)).toEqual(all);
    const later = createChanges(() => 6);
    expect(later.rev()).toBeGreaterThan(changes.rev() - 5000);
    expect(later.since(from)).toEqual([{ type: 'all', id: '', rev: later.rev() }]);
  });

  it('call those who listen, until they do not', () => {
    const changes = createChanges(() => 5);
    let called = 0;
    const stop = changes.onChange(() => {
      called += 1;
    });
    changes.note('pause');
    stop();
    changes.note('pause');
    expect(called).toBe(1);
  });
});
