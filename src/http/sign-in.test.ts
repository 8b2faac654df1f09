import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cookieOf, createHttpKit, type HttpKit, PASSWORD, T0 } from './test-kit.ts';

const HOUR = 3_600_000;
let kit: HttpKit;
beforeEach(() => {
  kit = createHttpKit();
});
afterEach(() => kit.close());

const nobody = { token: null } as const;

/** The first admin, made with the code that `orch up` prints; the cookie of the session. */
async function setUp(name = 'mara'): Promise<string> {
  const code = (await kit.engine.people.setup())?.code;
  const response = await kit.ask('/api/v1/setup', { ...nobody, body: { code, name, password: PASSWORD } });
  expect(response.status).toBe(200);
  return cookieOf(response);
}
const signIn = (name: string, password: string, headers = {}) =>
  kit.ask('/api/v1/session', { ...nobody, body: { name, password }, headers });

describe('the first admin', () => {
  it('is made with the code, once, and is signed in', async () => {
    expect(await kit.json('/api/v1/setup', nobody)).toMatchObject({ needed: true });
    const cookie = await setUp();
    expect(await kit.json('/api/v1/session', { cookie })).toMatchObject({
      me: { name: 'mara', role: 'admin', isUser: true },
    });
    expect(await kit.json('/api/v1/setup', nobody)).toMatchObject({ needed: false });
    const again = await kit.json('/api/v1/setup', {
      ...nobody,
      body: { code: 'X', name: 'eve', password: PASSWORD },
    });
    expect(again).toMatchObject({ status: 403, code: 'auth.setup_done' });
    expect(await kit.engine.people.setup()).toBeNull();
  });

  it('is not made without the code, and guessing ends soon', async () => {
    await kit.engine.people.setup();
    const codes: string[] = [];
    for (let i = 0; i < 12; i++)
      codes.push(
        (
          await kit.json<{ code: string }>('/api/v1/setup', {
            ...nobody,
            body: { code: `WRNG-${i}`, name: 'eve', password: PASSWORD },
          })
        ).code,
      );
    expect(new Set(codes)).toEqual(new Set(['auth.wrong_code', 'auth.too_many']));
    expect(await kit.engine.people.hasAdmin()).toBe(false);
  });

  it('is one, when two come at once', async () => {
    const code = (await kit.engine.people.setup())?.code;
    const both = await Promise.all(
      ['mara', 'eve'].map((name) =>
        kit.ask('/api/v1/setup', { ...nobody, body: { code, name, password: PASSWORD } }),
      ),
    );
    expect(both.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 403]);
    expect(await kit.engine.people.all()).toHaveLength(1);
  });
});

describe('a session', () => {
  it('is a cookie that scripts cannot read, and the store has only its hash', async () => {
    const cookie = await setUp();
    const response = await signIn('MARA', PASSWORD);
    const set = response.headers.get('set-cookie') ?? '';
    expect(set).toMatch(/^orch_session=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(cookieOf(response)).not.toBe(cookie);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { sessions } = await kit.json<{ sessions: object[] }>('/api/v1/sessions', { cookie });
    expect(sessions).toHaveLength(2);
    expect(JSON.stringify(sessions)).not.toContain(cookie.split('=')[1]);
  });

  it('is Secure and of this host alone behind HTTPS', async () => {
    await kit.close();
    kit = createHttpKit({ publicUrl: 'https://orch.example.org' });
    const code = (await kit.engine.people.setup())?.code;
    const response = await kit.ask('/api/v1/setup', {
      ...nobody,
      body: { code, name: 'mara', password: PASSWORD },
    });
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-orch_session=.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    expect(response.headers.get('strict-transport-security')).toContain('max-age');
    const headers = { origin: 'https://orch.example.org' };
    const paused = await kit.ask('/api/v1/pause', {
      cookie: cookieOf(response),
      headers,
      body: { scope: 'all' },
    });
    expect(paused.status).toBe(200);
  });

  it('ends after 12 idle hours, after 7 days at most, and when its person says so', async () => {
    const cookie = await setUp();
    const status = async (of = cookie) => (await kit.ask('/api/v1/session', { cookie: of })).status;
    for (let day = 0; day < 13; day++) {
      kit.now += 11 * HOUR;
      expect(await status()).toBe(200);
    }
    kit.now += 11 * HOUR;
    expect(kit.now - T0).toBeLessThan(7 * 24 * HOUR);
    expect(await status()).toBe(200);
    kit.now = T0 + 7 * 24 * HOUR;
    expect(await status()).toBe(401);

    const next = cookieOf(await signIn('mara', PASSWORD));
    kit.now += 12 * HOUR;
    expect(await status(next)).toBe(401);

    const last = cookieOf(await signIn('mara', PASSWORD));
    expect((await kit.ask('/api/v1/session', { cookie: last, method: 'DELETE' })).status).toBe(200);
    expect(await status(last)).toBe(401);
  });

  it('can be ended from another one, and a new password ends the others', async () => {
    const one = await setUp();
    const two = cookieOf(await signIn('mara', PASSWORD));
    const three = cookieOf(await signIn('mara', PASSWORD));
    const { sessions } = await kit.json<{ sessions: { id: number; isThis: boolean }[] }>('/api/v1/sessions', {
      cookie: two,
    });
    const other = sessions.findLast(({ isThis }) => !isThis);
    await kit.ask(`/api/v1/sessions/${other?.id}`, { cookie: two, method: 'DELETE' });
    expect((await kit.ask('/api/v1/session', { cookie: one })).status).toBe(401);
    const body = { before: PASSWORD, password: 'another four words' };
    // Not 401: whoever mistypes it is still signed in.
    const mistyped = await kit.json('/api/v1/password', { cookie: two, body: { ...body, before: 'no' } });
    expect(mistyped).toMatchObject({ status: 422, code: 'usage.password' });
    expect((await kit.ask('/api/v1/password', { cookie: two, body })).status).toBe(200);
    expect((await kit.ask('/api/v1/session', { cookie: two })).status).toBe(200);
    expect((await kit.ask('/api/v1/session', { cookie: three })).status).toBe(401);
    expect((await signIn('mara', PASSWORD)).status).toBe(401);
  });
});

describe('a write by cookie', () => {
  it.each([
    ['our own page', { origin: 'http://orch.test' }, 200],
    ['another page', { origin: 'http://evil.test' }, 403],
    ['our host on another port', { origin: 'http://orch.test:81' }, 403],
    ['no page that can be told', { origin: 'null' }, 403],
  ])('from %s', async (_name, headers, status) => {
    const cookie = await setUp();
    const { status: seen, code } = await kit.json<{ code?: string }>('/api/v1/pause', {
      ...{ cookie, headers: { ...headers, host: 'orch.test' }, body: { scope: 'all' } },
    });
    expect(seen).toBe(status);
    expect(code).toBe(status === 403 ? 'auth.origin' : undefined);
    expect(await kit.store.pauses()).toHaveLength(status === 200 ? 1 : 0);
  });

  it('without an Origin is refused, unless the browser says that it is ours', async () => {
    const cookie = await setUp();
    const pause = async (headers: Record<string, string>) => {
      const request = new Request('http://orch.test/api/v1/pause', {
        ...{ method: 'POST', body: '{"scope":"all"}' },
        headers: { cookie, 'content-type': 'application/json', host: 'orch.test', ...headers },
      });
      return (await kit.app.fetch(request)).status;
    };
    expect(await pause({})).toBe(403);
    expect(await pause({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await pause({ 'sec-fetch-site': 'same-origin' })).toBe(200);
  });

  it('signing in from another page is refused too, so nobody is signed in as somebody else', async () => {
    await setUp();
    expect((await signIn('mara', PASSWORD, { origin: 'http://evil.test', host: 'orch.test' })).status).toBe(
      403,
    );
  });
});

describe('a wrong password', () => {
  it('is told like a wrong name, and too many tries have to wait', async () => {
    await setUp();
    const refused = async (name: string) => {
      const response = await signIn(name, 'wrong');
      return { ...((await response.json()) as object), status: response.status };
    };
    expect(await refused('mara')).toEqual(await refused('nobody'));
    for (let i = 0; i < 9; i++) await refused('mara');
    const blocked = await signIn('mara', PASSWORD);
    expect(blocked.status).toBe(429);
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(10);
    kit.now += 15 * 60_000;
    expect((await signIn('mara', PASSWORD)).status).toBe(200);
  });

  it('of ever other names is stopped by the address', async () => {
    const seen = [];
    for (let i = 0; i < 31; i++) seen.push((await signIn(`user${i}`, 'wrong')).status);
    expect(seen.filter((status) => status === 429)).toHaveLength(1);
  });
});

describe('users', () => {
  it('are invited, set a password with the code, once, and do what their role may', async () => {
    const cookie = await setUp();
    const invite = await kit.json<{ code: string; url: string }>('/api/v1/users', {
      cookie,
      body: { name: 'otto', role: 'viewer' },
    });
    expect(invite.url).toMatch(/^http:\/\/127\.0\.0\.1:8044\/sign-in\?invite=[\w-]+&name=otto$/);
    const accept = (code: string) =>
      kit.ask('/api/v1/invite', { ...nobody, body: { code, name: 'otto', password: PASSWORD } });
    expect((await accept('AAAA-AAAA')).status).toBe(401);
    const accepted = await accept(invite.code);
    expect(accepted.status).toBe(200);
    expect((await accept(invite.code)).status).toBe(401);
    const otto = cookieOf(accepted);
    expect((await kit.ask('/api/v1/jobs', { cookie: otto })).status).toBe(200);
    const pause = () => kit.json<{ hint: string }>('/api/v1/pause', { cookie: otto, body: { scope: 'all' } });
    expect(await pause()).toMatchObject({ status: 403, code: 'auth.forbidden' });
    expect((await pause()).hint).toContain('needs operator');
    await kit.ask('/api/v1/users/otto/role', { cookie, body: { role: 'operator' } });
    expect((await pause()).status).toBe(200);
    await kit.ask('/api/v1/users/otto/disable', { cookie, body: {} });
    expect((await kit.ask('/api/v1/jobs', { cookie: otto })).status).toBe(401);
    expect((await signIn('otto', PASSWORD)).status).toBe(401);
  });

  it('keep their last admin', async () => {
    const cookie = await setUp();
    const refused = await kit.json('/api/v1/users/mara/role', { cookie, body: { role: 'viewer' } });
    expect(refused).toMatchObject({ status: 409, code: 'user.last_admin' });
  });

  it("are named in what they do: a user's own name wins over what the request says", async () => {
    const cookie = await setUp();
    const { secret } = await kit.json<{ secret: string }>('/api/v1/tokens', {
      cookie,
      body: { name: 'laptop' },
    });
    await kit.ask('/api/v1/pause', {
      cookie,
      headers: { 'x-orch-by': 'eve' },
      body: { scope: 'all', note: 'a' },
    });
    await kit.ask('/api/v1/resume', {
      token: secret,
      headers: { 'x-orch-by': 'eve' },
      body: { scope: 'all' },
    });
    await kit.ask('/api/v1/pause', { headers: { 'x-orch-by': 'eve' }, body: { scope: 'all', note: 'b' } });
    const { items } = await kit.store.audits({ limit: 3 });
    expect(items.map(({ by, surface, action }) => [by, surface, action])).toEqual([
      ['eve', 'cli', 'pause'],
      ['mara', 'cli', 'resume'],
      ['mara', 'web', 'pause'],
    ]);
    expect(items[2]?.after).toEqual({ note: 'a', until: null });
  });
});

describe('tokens', () => {
  it('are told once, end by themselves, and never do more than their user may', async () => {
    const cookie = await setUp();
    const made = await kit.json<{ secret: string; token: { id: number } }>('/api/v1/tokens', {
      cookie,
      body: { name: 'ci', role: 'operator', days: 2 },
    });
    expect(made).toMatchObject({
      status: 201,
      token: { name: 'ci', user: 'mara', role: 'operator', usedAt: null },
    });
    const listed = await (await kit.ask('/api/v1/tokens', { cookie })).text();
    expect(listed).toContain('"ci"');
    expect(listed).not.toContain(made.secret);
    const as = async (body: object) => (await kit.ask('/api/v1/pause', { token: made.secret, body })).status;
    expect(await as({ scope: 'all' })).toBe(200);
    expect((await kit.ask('/api/v1/users', { token: made.secret })).status).toBe(403);
    kit.now += 48 * HOUR;
    expect(await as({ scope: 'all' })).toBe(401);
  });

  it('link no chat, for a chat may do all that its person may: who is signed in does', async () => {
    const cookie = await setUp();
    const { secret } = await kit.json<{ secret: string }>('/api/v1/tokens', {
      cookie,
      body: { name: 'mara', role: 'viewer' },
    });
    expect(await kit.json('/api/v1/link', { token: secret, method: 'POST' })).toMatchObject({
      status: 409,
      code: 'user.not_signed_in',
    });
    const linked = await kit.json<{ code: string }>('/api/v1/link', { cookie, method: 'POST' });
    expect(linked).toMatchObject({ status: 200, user: 'mara', code: expect.stringMatching(/^\d{6}$/) });
    expect(await kit.engine.chatPeople.link('telegram', '7', linked.code)).toMatchObject({ name: 'mara' });
  });

  it('of a viewer cannot become more, and are revoked by their owner', async () => {
    const cookie = await setUp();
    const { code } = await kit.json<{ code: string }>('/api/v1/users', {
      cookie,
      body: { name: 'otto', role: 'viewer' },
    });
    const otto = cookieOf(
      await kit.ask('/api/v1/invite', { ...nobody, body: { code, name: 'otto', password: PASSWORD } }),
    );
    const more = await kit.json('/api/v1/tokens', { cookie: otto, body: { name: 'x', role: 'admin' } });
    expect(more).toMatchObject({ status: 403, code: 'auth.forbidden' });
    const made = await kit.json<{ secret: string; token: { id: number } }>('/api/v1/tokens', {
      cookie: otto,
      body: { name: 'x' },
    });
    const marasOwn = await kit.json<{ token: { id: number } }>('/api/v1/tokens', {
      cookie,
      body: { name: 'y' },
    });
    expect(
      (await kit.ask(`/api/v1/tokens/${marasOwn.token.id}`, { cookie: otto, method: 'DELETE' })).status,
    ).toBe(404);
    expect(
      (await kit.ask(`/api/v1/tokens/${made.token.id}`, { cookie: otto, method: 'DELETE' })).status,
    ).toBe(200);
    expect((await kit.ask('/api/v1/jobs', { token: made.secret })).status).toBe(401);
  });

  it('by name and password, for a CLI elsewhere', async () => {
    await setUp();
    const body = { name: 'mara', password: PASSWORD, token: 'laptop' };
    const { secret } = await kit.json<{ secret: string }>('/api/v1/login', { ...nobody, body });
    expect(await kit.json('/api/v1/session', { token: secret })).toMatchObject({
      me: { name: 'mara', session: null },
    });
    expect((await kit.ask('/api/v1/login', { ...nobody, body: { ...body, password: 'wrong' } })).status).toBe(
      401,
    );
  });

  it('that are wrong are not asked for a cookie instead', async () => {
    const cookie = await setUp();
    expect((await kit.ask('/api/v1/jobs', { cookie, token: 'wrong' })).status).toBe(401);
  });
});

describe('every answer', () => {
  it('is a problem where it refuses, with the field and the fix', async () => {
    const response = await kit.ask('/api/v1/jobs?limit=0&status=nope');
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({
      code: 'usage.query',
      errors: [{ field: 'limit' }, { field: 'status', message: expect.stringContaining('queued, running') }],
      hint: expect.stringContaining('field'),
    });
    expect(await kit.json('/api/v1/approve', { body: {} })).toMatchObject({
      ...{ status: 422, code: 'usage.body', errors: [{ field: 'target' }] },
    });
    expect(await kit.json('/api/v1/approve', { body: '{' })).toMatchObject({
      status: 422,
      code: 'usage.body',
    });
    expect(await kit.json('/api/v1/nothing')).toMatchObject({ status: 404, code: 'not_found' });
  });

  it('lets nobody else frame it, keep it or read it', async () => {
    const { headers } = await kit.ask('/api/v1/version', { headers: { origin: 'http://evil.test' } });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('content-security-policy')).not.toContain('unsafe');
  });
});
