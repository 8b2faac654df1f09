import { describe, expect, it } from 'vitest';
import { failureOf } from './delivery.ts';
import { destinationError } from './destination-error.ts';

const request = { vendor: 'Gitea', what: 'POST /pulls', said: 'nope', retryAfterMs: null } as const;

describe('destinationError', () => {
  it.each([400, 404, 409, 410, 413, 422])('takes %i for a no that a repeat would get again', (status) => {
    const error = destinationError('forge', { ...request, status, done: 'no' });
    expect(error.code).toBe('forge.refused');
    expect(failureOf(error)).toEqual({
      kind: 'refused',
      error: `Gitea refused (${status}): POST /pulls: nope`,
    });
  });

  it.each([401, 403, 408, 429, 500, 503])(
    'takes %i for an answer that may change, never for "gone"',
    (status) => {
      const error = destinationError('tracker', { ...request, status, retryAfterMs: 5000, done: 'unknown' });
      expect(failureOf(error)).toMatchObject({ kind: 'unreachable', done: 'unknown', retryAfterMs: 5000 });
    },
  );

  it('keeps whether anything can have been done', () => {
    const lost = destinationError('tracker', { ...request, status: null, done: 'unknown' });
    const unsent = destinationError('tracker', { ...request, status: null, done: 'no' });
    expect([failureOf(lost), failureOf(unsent)]).toMatchObject([{ done: 'unknown' }, { done: 'no' }]);
    expect(lost.message).toBe('Gitea does not answer: POST /pulls: nope');
  });
});
