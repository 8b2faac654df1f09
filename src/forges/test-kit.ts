import type { Finding, PullRequest } from '../core/model.ts';
import { delivery } from '../core/test-kit.ts';
import type { Forge, PullFacts } from './forge.ts';

export const request = { branch: 'work', base: 'main', title: 'WID-1: First', body: 'text' };

export async function openPull(forge: Forge, head: string, key = 'open'): Promise<PullRequest> {
  const pr = await forge.open({ ...request, head }, delivery(key));
  if (pr === null) throw new Error('nothing to open a pull request for');
  return pr;
}

/** The pull request of `work` at this head, and what is done with it again and again. */
export async function onPull(forge: Forge, head: string) {
  const pr = await openPull(forge, head);
  const at = { pr, branch: 'work', base: 'main', head };
  return {
    ...{ head, forge, pr, at },
    ready: () => forge.ready(pr, 'text', delivery('ready')),
    merge: (more: Partial<Parameters<Forge['merge']>[0]> = {}) =>
      forge.merge({ ...at, message: 'WID-1: First\n\nWhy.', ...more }),
    facts: async (): Promise<PullFacts> => {
      const standing = await forge.look(at);
      if (standing.kind !== 'open' || standing.pull === null) throw new Error(standing.kind);
      return standing.pull;
    },
  };
}

export function finding(file: string | null, line: number | null): Finding {
  return { severity: 'high', file, line, title: 'Wrong', detail: 'because' };
}
