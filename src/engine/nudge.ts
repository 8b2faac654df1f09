import type { WebhookPlace } from '../webhooks/webhook.ts';
import type { createForgeWatch, Nudge } from './forge-watch.ts';
import type { Runtime } from './runtime.ts';
import type { createTrackerWatch } from './tracker-watch.ts';

/** Everybody whose places these are looks there soon; `kind` is the vendor that says so. */
export function createNudge(parts: {
  readonly runtime: () => Runtime;
  readonly trackerWatch: Pick<ReturnType<typeof createTrackerWatch>, 'nudge'>;
  readonly forgeWatch: Pick<ReturnType<typeof createForgeWatch>, 'nudge'>;
}) {
  const { trackerWatch, forgeWatch } = parts;
  return function nudge(kind: string, places: readonly WebhookPlace[]): void {
    for (const [key, { tracker, forge }] of parts.runtime().projects)
      for (const place of places) {
        if (place.kind === 'item' && tracker.kind === kind && tracker.feed?.isAbout(place.at) === true)
          trackerWatch.nudge(key, { item: place.id });
        if (place.kind === 'item' || forge.kind !== kind || forge.feed?.isAbout(place.at) !== true) continue;
        if (place.kind === 'pull_request') trackerWatch.nudge(key, { pullRequest: place.number });
        forgeWatch.nudge(key, changedAt(place));
      }
  };
}

/** What a delivery about code names, for those who look at the forge. */
function changedAt(place: Exclude<WebhookPlace, { kind: 'item' }>): Nudge {
  switch (place.kind) {
    case 'pull_request':
      return { pullRequest: place.number };
    case 'branch':
      return { branch: place.branch };
    case 'commit':
      return { commit: place.commit };
  }
}
