import type { VendorContext, VendorKind } from '../app.ts';
import type { LoadedConfig } from '../config/load.ts';
import { processHome } from '../config/process.ts';
import type { Config } from '../config/types.ts';
import { messageOf } from '../core/errors.ts';
import { connect } from './client.ts';
import type { Finding } from './finding.ts';
import { runningServer } from './home.ts';

/** What the installation has to do with one vendor. */
export function vendorContext(
  { kind }: VendorKind,
  config: Config,
  heard: VendorContext['heard'],
): VendorContext {
  const secrets: Readonly<Record<string, VendorContext['webhookSecret']>> = {
    gitea: config.gitea.webhookSecret,
    github: config.github.webhookSecret,
    plane: config.plane.webhookSecret,
  };
  return {
    access: config,
    webhookSecret: secrets[kind] ?? null,
    publicUrl: config.publicUrl,
    projects: config.projects
      .filter(({ tracker, forge }) => tracker.kind === kind || forge.kind === kind)
      .map(({ key, repo, tracker, forge }) => ({
        ...{ key, repo },
        tracker: tracker.kind === kind ? tracker : null,
        forge: forge.kind === kind ? forge : null,
      })),
    now: Date.now,
    heard,
  };
}

/** One group of doctor. */
export async function* vendorGroup(vendor: VendorKind, loaded: LoadedConfig | null): AsyncGenerator<Finding> {
  const { kind: group } = vendor;
  if (loaded === null) return;
  try {
    const context = vendorContext(vendor, loaded.config, await heardOf(group));
    for await (const finding of vendor.inspect(context)) yield { group, ...finding };
  } catch (error) {
    yield { group, state: 'error', text: messageOf(error), fix: 'run orch doctor again' };
  }
}

/** What the running server heard of a vendor; null without one. */
async function heardOf(kind: string): Promise<VendorContext['heard']> {
  const home = processHome();
  const client = await runningServer(home)
    .then((info) => (info === null ? null : connect(home)))
    .catch(() => null); // the server group tells why
  if (client === null) return null;
  return async () => {
    const { webhooks } = await client.get('/status');
    const found = webhooks.find((each) => each.kind === kind);
    const instant = (text: string | null | undefined) => (text == null ? null : Date.parse(text));
    return { takenAt: instant(found?.takenAt), refusedAt: instant(found?.refusedAt) };
  };
}
