import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ConfigWire } from '../../../src/http/contract.ts';
import { post } from '../api/client.ts';
import { ask } from '../api/queries.ts';

export type Setting = ConfigWire['settings'][number];

/** One change of orch.yaml and its secrets, as the API takes it. */
export interface Edit {
  readonly values: readonly {
    readonly path: Setting['path'];
    readonly text: string | null;
    readonly isNew?: true;
  }[];
  readonly secrets: Readonly<Record<string, string | null>>;
}

export function configQuery() {
  return { ...ask(['settings'], '/config'), refetchInterval: 60_000 };
}

/** A try changes nothing; a change is refused when somebody else changed the file since it was shown. */
export function useChange(revision: string | null) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ edit, test }: { edit: Edit; test: boolean }) =>
      post('/config', { body: { ...edit, test, revision } }),
    onSuccess: ({ written }) => (written ? client.invalidateQueries() : undefined),
  });
}

/** As orch.yaml writes it. */
export function written(value: Setting['value']): string {
  if (value === null) return '';
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (typeof value !== 'string') return String(value);
  const isPlain = /^[A-Za-z./@~][\w./@~ +:=-]*$|^\d+[A-Za-z]\w*$/.test(value);
  const isWord = /^(?:true|false|null)$/i.test(value) || /:(?: |$)/.test(value);
  return isPlain && !isWord ? value : JSON.stringify(value);
}
