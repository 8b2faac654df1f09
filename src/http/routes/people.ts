import { createRoute } from '@hono/zod-openapi';
import { type Context } from 'hono';
import { z } from 'zod';
import { actionsOf, mayDo } from '../../core/roles.ts';
import { type ApiToken, SESSION_IDLE_MS, SESSION_MAX_MS, type Session, type User } from '../../core/users.ts';
import type { Person } from '../../engine/people.ts';
import {
  disableRequest,
  inviteAcceptRequest,
  inviteRequest,
  inviteSchema,
  loginRequest,
  type MeWire,
  newTokenSchema,
  ok,
  oneUserSchema,
  ownPasswordRequest,
  passwordRequest,
  passwordSetSchema,
  roleRequest,
  type SessionWire,
  sessionEndedSchema,
  sessionsSchema,
  setupNeededSchema,
  setupRequest,
  signedInSchema,
  signInRequest,
  type TokenWire,
  tokenRequest,
  tokensSchema,
  type UserWire,
  usersSchema,
} from '../contract.ts';
import { answer, createRoutes, jsonBody, route } from '../openapi.ts';
import type { AppEnv, HttpOptions } from '../server.ts';
import { endSession, fromOf, startSession } from '../sign-in.ts';
import { iso, isoOrNull } from '../wire.ts';

const ID = z.object({ id: z.coerce.number().int() });
const NAME = z.object({ name: z.string() });

/** Signing in and out; users, sessions and tokens. */
export function peopleRoutes({ engine, publicUrl, url }: HttpOptions) {
  const { people } = engine;
  const routes = createRoutes();
  const from = (c: Context<AppEnv>) => fromOf(c, publicUrl);

  async function signIn(c: Context<AppEnv>, opened: { user: User; secret: string; session: Session }) {
    startSession(c, opened.secret, publicUrl);
    const { name, role, id } = opened.user;
    return c.json({ me: me({ name, role, userId: id, sessionId: opened.session.id }) }, 200);
  }
  const meAnswer = answer(signedInSchema, 'signed in; the cookie is the session');

  routes.openapi(
    createRoute({
      ...route('get', '/setup', 'people', 'Is the first admin still to be made?'),
      responses: answer(setupNeededSchema, 'whether /setup waits for a code'),
    }),
    async (c) => c.json({ needed: !(await people.hasAdmin()) }, 200),
  );
  routes.openapi(
    createRoute({
      ...route('post', '/setup', 'people', 'Make the first admin, with the code that orch up printed'),
      request: { body: jsonBody(setupRequest) },
      responses: meAnswer,
    }),
    async (c) => {
      const { code, name, password } = c.req.valid('json');
      return signIn(c, await people.becomeFirstAdmin(code, name, password, from(c)));
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/session', 'people', 'Sign in'),
      request: { body: jsonBody(signInRequest) },
      responses: meAnswer,
    }),
    async (c) => {
      const { name, password } = c.req.valid('json');
      return signIn(c, await people.signIn(name, password, from(c)));
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/invite', 'people', 'Accept an invitation: set the password and sign in'),
      request: { body: jsonBody(inviteAcceptRequest) },
      responses: meAnswer,
    }),
    async (c) => {
      const { code, name, password } = c.req.valid('json');
      return signIn(c, await people.acceptInvite(code, name, password, from(c)));
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/login', 'people', 'A token for a CLI, by name and password'),
      request: { body: jsonBody(loginRequest) },
      responses: answer(newTokenSchema, 'the token, told this once'),
    }),
    async (c) => {
      const { name, password, token, days } = c.req.valid('json');
      const made = await people.tokenFor(name, password, token, days, from(c));
      return c.json({ token: tokenToWire(made.token, name), secret: made.secret }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/session', 'people', 'Who asks, and what that person may do'),
      responses: answer(signedInSchema, 'oneself'),
    }),
    (c) => c.json({ me: me(c.get('person')) }, 200),
  );
  routes.openapi(
    createRoute({
      ...route('delete', '/session', 'people', 'Sign out'),
      responses: answer(ok, 'signed out'),
    }),
    async (c) => {
      const { sessionId } = c.get('person');
      if (sessionId !== null) await people.endSession(sessionId, null);
      endSession(c, publicUrl);
      return c.json({ ok: true as const }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('get', '/sessions', 'people', 'Where one is signed in'),
      responses: answer(sessionsSchema, 'newest first'),
    }),
    async (c) => {
      const { userId, sessionId } = c.get('person');
      const sessions = userId === null ? [] : await people.sessions(userId);
      return c.json({ sessions: sessions.map((each) => sessionToWire(each, sessionId)) }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('delete', '/sessions/{id}', 'people', "End a session: one's own, an admin any"),
      request: { params: ID },
      responses: answer(sessionEndedSchema, 'whether there was one'),
    }),
    async (c) => {
      const { userId, role } = c.get('person');
      const any = mayDo(role, 'user.disable');
      const ended =
        (any || userId !== null) && (await people.endSession(c.req.valid('param').id, any ? null : userId));
      return c.json({ ended }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/password', 'people', "Change one's own password; other sessions end"),
      request: { body: jsonBody(ownPasswordRequest) },
      responses: answer(ok, 'changed'),
    }),
    async (c) => {
      const { before, password } = c.req.valid('json');
      await people.changeOwnPassword(c.get('person'), before, password, from(c));
      return c.json({ ok: true as const }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/tokens', 'people', "Tokens: one's own, an admin all"),
      responses: answer(tokensSchema, 'without their secrets'),
    }),
    async (c) => {
      const { userId, role } = c.get('person');
      const all = mayDo(role, 'token.revoke');
      const tokens = all ? await people.tokens(null) : userId === null ? [] : await people.tokens(userId);
      const names = new Map((await people.all()).map(({ id, name }) => [id, name]));
      return c.json(
        { tokens: tokens.map((each) => tokenToWire(each, names.get(each.userId ?? 0) ?? null)) },
        200,
      );
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/tokens', 'people', "Make a token with at most one's own role"),
      request: { body: jsonBody(tokenRequest) },
      responses: answer(newTokenSchema, 'the token, told this once', 201),
    }),
    async (c) => {
      const person = c.get('person');
      const { token, secret } = await people.createToken(person, c.req.valid('json'), c.get('actor'));
      return c.json({ token: tokenToWire(token, person.userId === null ? null : person.name), secret }, 201);
    },
  );
  routes.openapi(
    createRoute({
      ...route('delete', '/tokens/{id}', 'people', "Revoke a token: one's own, an admin any"),
      request: { params: ID },
      responses: answer(ok, 'revoked'),
    }),
    async (c) => {
      const { userId, role } = c.get('person');
      const owner = mayDo(role, 'token.revoke') ? null : (userId ?? -1);
      await people.revokeToken(c.req.valid('param').id, owner, c.get('actor'));
      return c.json({ ok: true as const }, 200);
    },
  );

  const oneUser = answer(oneUserSchema, 'the user');
  routes.openapi(
    createRoute({
      ...route('get', '/users', 'people', 'Users'),
      responses: answer(usersSchema, 'in the order they came'),
    }),
    async (c) => c.json({ users: (await people.all()).map(userToWire) }, 200),
  );
  routes.openapi(
    createRoute({
      ...route('post', '/users', 'people', 'Invite somebody'),
      request: { body: jsonBody(inviteRequest) },
      responses: answer(inviteSchema, 'the code, told this once', 201),
    }),
    async (c) => {
      const { name, role } = c.req.valid('json');
      return c.json(invited(await people.invite(name, role, c.get('actor'))), 201);
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/users/{name}/role', 'people', 'Give a user another role'),
      request: { params: NAME, body: jsonBody(roleRequest) },
      responses: oneUser,
    }),
    async (c) => {
      const { role } = c.req.valid('json');
      const user = await people.setRole(c.req.valid('param').name, role, c.get('actor'));
      return c.json({ user: userToWire(user) }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/users/{name}/disable', 'people', 'Disable a user, or enable one again'),
      request: { params: NAME, body: jsonBody(disableRequest) },
      responses: oneUser,
    }),
    async (c) => {
      const { disabled } = c.req.valid('json');
      const user = await people.setDisabled(c.req.valid('param').name, disabled, c.get('actor'));
      return c.json({ user: userToWire(user) }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route(
        'post',
        '/users/{name}/password',
        'people',
        'Set a password, or make a code with which the user does',
      ),
      request: { params: NAME, body: jsonBody(passwordRequest) },
      responses: answer(passwordSetSchema, 'the user, and the code'),
    }),
    async (c) => {
      const { name } = c.req.valid('param');
      const { password } = c.req.valid('json');
      if (password === null) {
        const invite = invited(await people.newInvite(name, c.get('actor')));
        return c.json({ user: invite.user, invite }, 200);
      }
      const user = await people.setPassword(name, password, c.get('actor'), c.get('person').sessionId);
      return c.json({ user: userToWire(user), invite: null }, 200);
    },
  );
  return routes;

  function invited({ user, code }: { user: User; code: string }) {
    const at = publicUrl ?? url();
    const query = new URLSearchParams({ invite: code, name: user.name });
    return { user: userToWire(user), code, url: `${at.replace(/\/$/, '')}/sign-in?${query.toString()}` };
  }
}

function me({ name, role, userId, sessionId }: Person): MeWire {
  return { name, role, isUser: userId !== null, session: sessionId, actions: actionsOf(role) };
}

function userToWire(user: User): UserWire {
  const state = user.disabledAt !== null ? 'disabled' : user.passwordHash === null ? 'invited' : 'active';
  const { name, role } = user;
  return { name, role, state, createdAt: iso(user.createdAt), disabledAt: isoOrNull(user.disabledAt) };
}

function sessionToWire(session: Session, own: number | null): SessionWire {
  const { id, agent, address, createdAt, seenAt } = session;
  const endsAt = Math.min(createdAt + SESSION_MAX_MS, seenAt + SESSION_IDLE_MS);
  return {
    ...{ id, isThis: id === own, agent, address },
    ...{ createdAt: iso(createdAt), seenAt: iso(seenAt), endsAt: iso(endsAt) },
  };
}

function tokenToWire(token: ApiToken, user: string | null): TokenWire {
  const { id, name, role, createdBy, createdAt, expiresAt, usedAt } = token;
  return {
    ...{ id, name, user, role, createdBy },
    ...{ createdAt: iso(createdAt), expiresAt: iso(expiresAt), usedAt: isoOrNull(usedAt) },
  };
}
