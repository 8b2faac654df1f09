import { ask } from '../../api/queries.ts';

export function diffQuery(id: string) {
  return ask(['diff', id], '/runs/{id}/diff', { params: { id } });
}
