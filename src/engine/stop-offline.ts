import type { Pause } from '../core/model.ts';
import { adopt } from '../launcher/launcher.ts';
import type { Store } from '../store/store.ts';

/** Writes a pause and ends the live runs in its scope, without an engine: the next start settles them. */
export async function endLeftRuns(store: Store, pause: Pause, now: boolean): Promise<number> {
  await store.pause(pause, {
    by: pause.by,
    surface: 'cli',
    action: 'stop',
    target: pause.scope === 'all' ? 'all' : `${pause.scope}:${pause.id}`,
    at: pause.since,
  });
  let ended = 0;
  for (const { run, job } of await store.running()) {
    if (
      (pause.scope === 'project' && job.project !== pause.id) ||
      (pause.scope === 'account' && run.account !== pause.id)
    )
      continue;
    const found = await adopt(run.directory);
    if (found.kind !== 'live') continue;
    await found.run.stop('cancel', { now });
    ended++;
  }
  return ended;
}
