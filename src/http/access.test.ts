import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACTIONS, isAtLeast, ROLES, type Role } from '../core/roles.ts';
import { ACCESS, ELSEWHERE } from './access.ts';
import { createHttpKit, type HttpKit } from './test-kit.ts';

let kit: HttpKit;
beforeEach(() => {
  kit = createHttpKit();
});
afterEach(() => kit.close());

/** Every handler of the app: what only stands before others is of no method. */
function routesOf(): string[] {
  const all = kit.app.routes.filter(({ method }) => method !== 'ALL');
  return [...new Set(all.map(({ method, path }) => `${method} ${path}`))];
}

describe('every route', () => {
  it('has a declared role, and every declared role a route', () => {
    const routes = routesOf();
    expect(routes.length).toBeGreaterThan(40);
    const undeclared = routes.filter(
      (route) => ACCESS[route] === undefined && ELSEWHERE[route] === undefined,
    );
    expect(undeclared).toEqual([]);
    expect(
      [...Object.keys(ACCESS), ...Object.keys(ELSEWHERE)].filter((route) => !routes.includes(route)),
    ).toEqual([]);
    expect(Object.keys(ELSEWHERE).filter((route) => route.includes('/api/'))).toEqual([]);
  });

  it('is described, with its schemas and its role', async () => {
    const { paths } = await kit.json<{ paths: Record<string, Record<string, { 'x-orch-action'?: string }>> }>(
      '/api/v1/openapi.json',
    );
    const described = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [
        `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
        operation['x-orch-action'],
      ]),
    );
    const { 'GET /api/v1/openapi.json': _itself, 'GET /api/docs': _page, ...rest } = ACCESS;
    expect(Object.fromEntries(described)).toEqual(rest);
  });

  it('is on the page for people, without a script', async () => {
    const page = await (await kit.ask('/api/docs')).text();
    for (const route of Object.keys(ACCESS).filter((each) => each.includes('/api/v1/jobs')))
      expect(page).toContain(route.replace(/:(\w+)/g, '{$1}'));
    expect(page).not.toContain('<script');
  });

  it('refuses nobody and the lesser roles, and lets the others through to its own checks', async () => {
    const tokens = new Map<Role, string>();
    for (const role of ROLES) {
      const maker = { name: 'root', role: 'admin', userId: null, sessionId: null } as const;
      const made = await kit.engine.people.createToken(
        maker,
        { name: role, role, days: 1 },
        { by: 'root', surface: 'cli' },
      );
      tokens.set(role, made.secret);
    }
    const wrong: string[] = [];
    for (const [route, action] of Object.entries(ACCESS)) {
      const [method = '', path = ''] = route.split(' ');
      if (action === 'public' || path.endsWith('/events') || path.endsWith('/stream')) continue;
      // Bodies are empty on purpose: whoever may pass is refused for that.
      const asked = { method, ...(method === 'GET' ? {} : { body: {} }) };
      const at = path.replace(/:(\w+)/g, '999');
      const nobody = await kit.ask(at, { ...asked, token: null });
      if (nobody.status !== 401) wrong.push(`${route}: nobody got ${nobody.status}`);
      for (const [role, token] of tokens) {
        if (route === 'POST /api/v1/shutdown') continue;
        const { status } = await kit.ask(at, { ...asked, token });
        const may = isAtLeast(role, ACTIONS[action]);
        if ((status !== 403) !== may) wrong.push(`${route}: ${role} got ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('that is not there is not found, whatever answers for the page', async () => {
    kit.app.get('/*', (c) => c.html('the page'));
    expect(await kit.json('/api/v1/nothing')).toMatchObject({ status: 404, code: 'not_found' });
    expect((await kit.ask('/api/v1/nothing', { token: null })).status).toBe(401);
    expect(await (await kit.ask('/board', { token: null })).text()).toBe('the page');
  });

  it('that nobody declared is refused to everybody', async () => {
    kit.app.get('/api/v1/forgotten', (c) => c.text('secret'));
    const { status, code } = await kit.json<{ code: string }>('/api/v1/forgotten');
    expect({ status, code }).toEqual({ status: 403, code: 'auth.forbidden' });
  });
});
