import { destinationContext } from '../../clients/test-kit.ts';
import { Secret } from '../../lib/secret.ts';

/** A project `widgets` whose items live in this Plane. */
export function planeContext(
  plane: { readonly url: string; readonly key: string },
  config: Readonly<Record<string, unknown>> = { project: 'WID', label: 'agent' },
  clock: () => number = Date.now,
) {
  const access = { url: plane.url, workspace: 'acme', apiToken: new Secret(plane.key) };
  return destinationContext({ plane: access }, { project: 'widgets', config, clock });
}
