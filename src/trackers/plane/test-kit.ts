import type { DestinationContext } from '../../clients/destination-context.ts';
import { Secret } from '../../lib/secret.ts';

/** A project `widgets` whose items live in this Plane. */
export function planeContext(
  plane: { readonly url: string; readonly key: string },
  config: Readonly<Record<string, unknown>> = { project: 'WID', label: 'agent' },
  clock: () => number = Date.now,
): DestinationContext {
  const made = new Map<string, unknown>();
  const none = { url: null, token: null, reviewerToken: null };
  return {
    ...{ project: 'widgets', repo: '/srv/widgets.git', config, clock },
    access: {
      ...{ gitea: none, github: none },
      plane: { url: plane.url, workspace: 'acme', apiToken: new Secret(plane.key) },
    },
    once<T>(name: string, make: () => T): T {
      if (!made.has(name)) made.set(name, make());
      return made.get(name) as T;
    },
  };
}
