import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Plane, startPlane } from '../../../test/fakes/plane.ts';
import { Secret } from '../../lib/secret.ts';
import { createPlaneClient, type PlaneClient } from './plane-client.ts';
import { createPlaneDirectory } from './plane-directory.ts';

let plane: Plane;
let client: PlaneClient;
let now = 0;
const clientOf = (fields: Partial<Parameters<typeof createPlaneClient>[0]> = {}) =>
  createPlaneClient({
    ...{ url: plane.url, workspace: 'acme', token: new Secret(plane.key), clock: () => now },
    ...fields,
  });

beforeEach(async () => {
  now = Date.now();
  plane = await startPlane({ pageSize: 2 });
  client = clientOf();
});
afterEach(() => plane.close());

describe('requests to Plane', () => {
  it('end with a slash, all of them: without it a POST would become a GET', async () => {
    const { id } = plane.item();
    const project = plane.project.id;
    await client.me();
    await client.projects();
    await client.states(project);
    await client.labels(project);
    await client.members(project);
    await client.workspaceMembers();
    await client.items(project);
    await client.item(project, id);
    await client.itemByKey('WID', 1);
    await client.setState(project, id, plane.stateId('Done'));
    const { id: comment } = await client.addComment(project, id, { html: '<p>x</p>', externalId: 'k' });
    await client.editComment(project, id, comment, '<p>y</p>');
    await client.comments(project, id);
    await client.addLink(project, id, { url: 'https://x.example/pulls/1', title: 'x' });
    expect(plane.requests.filter(({ path }) => !path.endsWith('/'))).toEqual([]);
    expect(plane.requests.length).toBeGreaterThan(14);
  });

  it('never follow a redirect', async () => {
    const answer = { status: 301, headers: { location: `${plane.url}/api/v1/users/me/` } };
    let fetched = 0;
    const watched = clientOf({
      fetch: async (_input, init) => {
        fetched++;
        expect(init?.redirect).toBe('error');
        return new Response(null, answer);
      },
    });
    await expect(watched.setState('p', 'i', 's')).rejects.toThrow();
    expect(fetched).toBe(1);
  });

  it('follow all pages', async () => {
    for (let i = 0; i < 5; i++) plane.item();
    expect(await client.items(plane.project.id)).toHaveLength(5);
  });

  it('take a list without an end for an error, never for a part', async () => {
    let pages = 0;
    const endless = clientOf({
      budget: { turn: async () => null, learn: () => undefined, refused: () => undefined },
      fetch: async () =>
        Response.json({ results: [], next_page_results: true, next_cursor: `2:${pages++}:0` }),
    });
    await expect(endless.projects()).rejects.toThrow('more than 200 pages');
    const stuck = clientOf({
      fetch: async () => Response.json({ results: [], next_page_results: true, next_cursor: '2:1:0' }),
    });
    await expect(stuck.projects()).rejects.toThrow('no cursor that leads to it');
  });

  it('are told of a wrong key by 403, without the key in the words', async () => {
    const stranger = clientOf({ token: new Secret('plane_api_other-key') });
    const error = await stranger.me().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 403, done: 'no' });
    expect(JSON.stringify(error)).not.toContain('other-key');
  });

  it('stop at 429 for as long as Plane says', async () => {
    plane.fail({ status: 429, retryAfter: 30 });
    await expect(client.setState(plane.project.id, 'x', 'y')).rejects.toMatchObject({ retryAfterMs: 30_000 });
    const asked = plane.requests.length;
    await expect(client.me()).rejects.toMatchObject({ status: 429, retryAfterMs: 30_000, done: 'no' });
    expect(plane.requests.length).toBe(asked);
    now += 30_000;
    expect(await client.me()).toMatchObject({ id: plane.bot.id });
  });

  it('learn the allowance from the answers', async () => {
    plane.limit(5);
    await client.me();
    for (let i = 0; i < 4; i++)
      await client.setState(plane.project.id, plane.item().id, plane.stateId('Done'));
    const asked = plane.requests.length;
    await expect(client.setState(plane.project.id, 'x', 'y')).rejects.toMatchObject({ status: 429 });
    expect(plane.requests.length).toBe(asked);
  });

  it('find what lacks a field that is relied on, before it does harm', async () => {
    const other = clientOf({ fetch: async () => Response.json({ name: 'no id' }) });
    await expect(other.me()).rejects.toThrow('id');
  });

  it('know how far the clocks are apart', async () => {
    expect(client.skewMs()).toBeNull();
    now -= 3_600_000;
    await client.me();
    expect(client.skewMs()).toBeGreaterThan(3_590_000);
  });
});

describe('what is remembered of Plane', () => {
  const asked = (part: string) => plane.requests.filter(({ path }) => path.endsWith(`/${part}/`)).length;

  it('is asked for once, and again for a miss, at most every half minute', async () => {
    const directory = createPlaneDirectory(client, () => now);
    const has = (name: string) => (all: readonly { name: string }[]) =>
      all.some((each) => each.name === name);
    const { id } = plane.project;
    for (let i = 0; i < 3; i++) await directory.labels(id, has('agent'));
    expect(asked('labels')).toBe(1);
    plane.labelId('new');
    expect((await directory.labels(id, has('new'))).map(({ name }) => name)).not.toContain('new');
    now += 31_000;
    expect((await directory.labels(id, has('new'))).map(({ name }) => name)).toContain('new');
    expect(asked('labels')).toBe(3); // two pages the second time
    now += 600_001;
    await directory.labels(id, has('agent'));
    expect(asked('labels')).toBe(5);
  });

  it('tells members from guests and strangers', async () => {
    const directory = createPlaneDirectory(client, () => now);
    const may = (person: { id: string }) => directory.mayWrite(plane.project.id, person.id);
    expect([
      await may(plane.ada),
      await may(plane.bot),
      await may(plane.guest),
      await may({ id: 'x' }),
    ]).toEqual([true, true, false, false]);
  });

  it('takes members for writers where no role is told, also by a workspace that may not be asked', async () => {
    await plane.close();
    plane = await startPlane({ tellsRoles: false });
    for (const isRefused of [false, true]) {
      const directory = createPlaneDirectory(clientOf(), () => now);
      if (isRefused) plane.fail({ status: 403 }, (_method, path) => path.endsWith('/acme/members/'));
      expect(await directory.mayWrite(plane.project.id, plane.ada.id)).toBe(true);
      expect(await directory.mayWrite(plane.project.id, 'stranger')).toBe(false);
    }
  });
});
