import { expect, it } from 'vitest';
import { address } from './client.ts';

it('writes what stands for the parts of a path so that it stays one part', () => {
  expect(address('/runs/{id}/bundle', { params: { id: '../a?b' } })).toBe('/api/v1/runs/..%2Fa%3Fb/bundle');
});

it('leaves out of a query what is not set, as an empty field of a form is not', () => {
  expect(address('/jobs', { query: { q: '', project: undefined, after: null } })).toBe('/api/v1/jobs');
  expect(address('/jobs', { query: { q: 'a&b', limit: 0 } })).toBe('/api/v1/jobs?q=a%26b&limit=0');
});
