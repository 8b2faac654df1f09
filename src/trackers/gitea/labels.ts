import { z } from 'zod';
import { type GiteaPlace, isStatus } from '../../clients/gitea/gitea-place.ts';
import { type GiteaIssue, label } from '../../clients/gitea/wire.ts';
import { path } from '../../lib/http-client.ts';

const COLOR = '#6e7781';
const DESCRIPTION = 'Set by Orch';

/**
 * Takes those of `own` off the issue that are not wanted, and puts the wanted on; every other label stays, for
 * Gitea can only replace the whole set, and somebody may be changing it right now.
 */
export async function setLabels(
  { client, at }: GiteaPlace,
  { number, labels }: GiteaIssue,
  { own, wanted }: { own: readonly string[]; wanted: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const repository = path`/repos/${at.owner}/${at.name}`;
  const below = `${repository}/issues/${number}/labels`;
  const missing = wanted.filter((name) => !labels.some((each) => each.name === name));
  if (missing.length > 0) {
    const ids = [];
    for (const name of missing) ids.push(await idOf(name));
    await client.send({ method: 'POST', path: below, body: { labels: ids }, signal });
  }
  for (const each of labels) {
    if (!own.includes(each.name) || wanted.includes(each.name)) continue;
    await client.send({ method: 'DELETE', path: `${below}/${each.id}`, signal }).catch((error: unknown) => {
      if (!isStatus(error, 404)) throw error; // somebody was faster
    });
  }

  /** Given by name, a label that is not there would be passed over without a word. */
  async function idOf(name: string): Promise<number> {
    const list = { method: 'GET', path: `${repository}/labels`, signal } as const;
    const known = (await client.all(z.array(label), (all) => all, list)).find((each) => each.name === name);
    if (known !== undefined) return known.id;
    const body = { name, color: COLOR, description: DESCRIPTION };
    return (await client.one(label, { method: 'POST', path: `${repository}/labels`, body, signal })).id;
  }
}
