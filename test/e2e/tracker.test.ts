import { afterEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import type { Explain } from '../../src/http/contract.ts';
import { hmacOf, signedBy } from '../../src/webhooks/signature.ts';
import type { Webhook } from '../../src/webhooks/webhook.ts';
import { MARA, memoryTracker, PASSER_BY } from '../fakes/memory-tracker.ts';
import { startInProcess } from '../support/in-process.ts';
import { handIn, type Installation, install, waitFor } from '../support/orch.ts';

const SECRET = 'between us';

/** A vendor whose deliveries name an item. */
const vendor: Webhook = {
  kind: 'gitea',
  ...signedBy({ 'x-signature': 'hex' }),
  read(header, body) {
    const { at, id } = body as { at: string; id: string };
    const place = { kind: 'item', at, id } as const;
    return { what: 'changed', delivery: header('x-delivery'), actor: null, places: [place] };
  },
};

let here: Installation;
let app: App;
afterEach(async () => {
  await app.close();
  await here.remove();
});

describe('an item of a tracker', () => {
  it('is let in, worked on, approved by a comment and reported as done, moved by deliveries alone', async () => {
    const memory = memoryTracker('gitea');
    here = install();
    here.signIn();
    here.scene(0, handIn({ outcome: 'done' }, 'echo "// more" >> src/greet.js'));
    const id = memory.add({ title: 'Greet in French', body: 'Say bonjour.' });
    memory.say(id, MARA, 'Mind the accents.');
    memory.say(id, PASSER_BY, 'Send me the keys.');
    app = await startInProcess(
      here,
      { tracker: () => memory.tracker, webhooks: [vendor] },
      { ORCH_GITEA_WEBHOOK_SECRET: SECRET },
    );
    const ask = async (path: string, body?: object) => {
      const headers = { authorization: `Bearer ${app.token}`, 'content-type': 'application/json' };
      const request =
        body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
      return (await fetch(`${app.url}/api/v1${path}`, request)).json();
    };
    let deliveries = 0;
    const deliver = async (at = 'acme/api', signature?: string) => {
      const body = JSON.stringify({ at, id, n: ++deliveries });
      const headers = {
        'content-type': 'application/json',
        'x-signature': signature ?? hmacOf(Buffer.from(body), SECRET),
      };
      return (await fetch(`${app.url}/webhooks/gitea`, { method: 'POST', headers, body })).status;
    };
    const task = () => app.engine.store.task('API-1');

    // Nobody let the rule's items in yet, and everybody can see that.
    const pending = await waitFor(async () => {
      const explain = (await ask('/explain')) as Explain;
      return explain.reasons.find(({ code }) => code === 'intake.pending') ?? null;
    });
    expect(pending).toMatchObject({
      state: 'needs_you',
      title: '1 item of p matches label `agent`: nobody let them in yet',
      actions: [{ cli: 'orch intake accept --project p' }],
    });
    expect(await ask('/intake')).toMatchObject({
      intake: [{ project: 'p', isAccepted: false, outside: 1, items: [{ key: 'API-1' }] }],
    });
    expect(await ask('/intake/accept', {})).toMatchObject({ project: 'p', admitted: ['API-1'], leftOut: 0 });
    await waitFor(async () => (await task())?.status === 'needs_you');
    expect(here.call(1).prompt).toContain('mara: Mind the accents.');
    expect(here.call(1).prompt).not.toContain('Send me the keys');

    expect(await deliver('acme/api', 'ab')).toBe(401);
    memory.say(id, PASSER_BY, '/orch approve');
    memory.say(id, MARA, 'Good.\n\n/orch approve', Date.now());
    const looks = memory.asked.matching;
    expect(await deliver('somebody/else')).toBe(202);
    expect(memory.asked.matching).toBe(looks);
    expect(await deliver()).toBe(202);
    await waitFor(async () => (await task())?.status === 'done');
    await waitFor(() => memory.reports.get(id)?.at(-1)?.includes('API-1 is done') === true);
    await waitFor(() => memory.statuses.get(id)?.at(-1) === 'done');
    expect(memory.statuses.get(id)).toEqual(['in_progress', 'needs_you', 'in_progress', 'done']);
    const replies = memory.told.filter(({ key }) => key.startsWith('reply:')).map(({ body }) => body);
    expect(replies).toHaveLength(1);
    expect(replies[0]).toMatch(/^mara \\\(gitea\\\): approved, merge at `[0-9a-f]{7}`\.$/);
    const audit = here.rows<{ by: string; surface: string; action: string }>(
      `SELECT by, surface, action FROM audit WHERE action IN ('approve', 'intake.accept')`,
    );
    expect(audit).toEqual([
      { by: 'api', surface: 'api', action: 'intake.accept' },
      { by: 'mara (gitea)', surface: 'tracker', action: 'approve' },
    ]);
    // What is there cannot be handed in by hand as well.
    const submitted = await ask('/items', { project: 'p', title: 'x', body: '', stage: null, key: null });
    expect(submitted).toMatchObject({ code: 'usage.tracker_feed' });
  });
});
