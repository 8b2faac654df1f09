import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Plane, startPlane } from '../../../test/fakes/plane.ts';
import { startPrism } from '../../../test/support/prism.ts';
import { requirement, suiteName } from '../../../test/support/requirements.ts';
import { Secret } from '../../lib/secret.ts';
import { createPlaneClient, type PlaneClient } from './plane-client.ts';

const shared = requirement('shared');

describe.skipIf(!shared.available)(suiteName("Plane's client by Plane's contract", shared), () => {
  let plane: Plane;
  let prism: Awaited<ReturnType<typeof startPrism>>;
  let client: PlaneClient;

  beforeAll(async () => {
    plane = await startPlane({ pageSize: 2, tellsRoles: false });
    prism = await startPrism(join(shared.value, 'contracts/plane.openapi.json'), plane.url);
    client = createPlaneClient({
      ...{ url: prism.url, workspace: 'acme', token: new Secret(plane.key), clock: Date.now },
    });
  }, 90_000);
  afterAll(async () => {
    expect(prism.broken()).toEqual([]);
    await prism.close();
    await plane.close();
  });

  it('reads who is who and what is called what', async () => {
    const { id } = plane.project;
    expect(await client.me()).toMatchObject({ id: plane.bot.id });
    expect(await client.projects()).toMatchObject([{ id, identifier: 'WID' }]);
    expect((await client.states(id)).map(({ name }) => name)).toEqual(plane.states.map(({ name }) => name));
    expect((await client.labels(id)).map(({ name }) => name)).toEqual(['agent', 'bug']);
    expect(await client.members(id)).toHaveLength(3);
    expect(await client.workspaceMembers()).toHaveLength(3);
  });

  it('reads items and moves them', async () => {
    const items = [1, 2, 3].map((n) => plane.item({ name: `Item ${n}`, labels: ['agent'] }));
    const { id } = plane.project;
    expect((await client.items(id)).map(({ name }) => name)).toEqual(['Item 1', 'Item 2', 'Item 3']);
    const [first] = items;
    if (first === undefined) throw new Error('no item');
    expect(await client.itemByKey('WID', first.sequence_id)).toMatchObject({ id: first.id });
    await client.setState(id, first.id, plane.stateId('In Progress'));
    expect(await client.item(id, first.id)).toMatchObject({ state: plane.stateId('In Progress') });
  });

  it('writes comments and links, and reads comments', async () => {
    const { id } = plane.item();
    const project = plane.project.id;
    const comment = { html: '<p>spent</p>', externalId: 'k1' };
    const first = await client.addComment(project, id, comment);
    expect(first.isNew).toBe(true);
    expect(await client.addComment(project, id, comment)).toEqual({ id: first.id, isNew: false });
    await client.editComment(project, id, first.id, '<p>more</p>');
    expect(await client.comments(project, id)).toMatchObject([
      { comment_html: '<p>more</p>', external_id: 'k1' },
    ]);
    const link = { url: 'https://git.example/acme/widgets/pulls/12', title: 'Pull request' };
    for (let i = 0; i < 2; i++) await client.addLink(project, id, link);
    expect(plane.links).toHaveLength(1);
  });

  it('is told when something is not there', async () => {
    const gone = '00000000-0000-4000-8000-000000000000';
    await expect(client.item(plane.project.id, gone)).rejects.toMatchObject({ status: 404 });
    await expect(client.itemByKey('WID', 999)).rejects.toMatchObject({ status: 404 });
  });
});
