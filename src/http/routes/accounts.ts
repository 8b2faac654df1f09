import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { codeOfHold } from '../../core/account-gate.ts';
import { type AccountWire, accountsSchema, ok } from '../contract.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso, isoOrNull, warningToWire } from '../wire.ts';

const byId = { params: z.object({ id: z.string() }) };

/** Agent homes: which sign-ins work, what holds them, and what people do about it. */
export function accountRoutes({ engine }: HttpOptions) {
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/accounts', 'accounts', 'Sign-ins, holds, limits, slots'),
      responses: answer(accountsSchema, 'every account'),
    }),
    async (c) => c.json({ accounts: (await engine.accounts()).map(accountToWire) }, 200),
  );
  routes.openapi(
    createRoute({
      ...route(
        'post',
        '/accounts/{id}/check',
        'accounts',
        'Ask its CLI for the version and judge the sign-in, now',
      ),
      request: byId,
      responses: answer(ok, 'judged'),
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      await engine.checkAccount(id);
      await engine.note(c.get('actor'), 'account.check', `account:${id}`);
      return c.json({ ok: true as const }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/accounts/{id}/trust', 'accounts', 'Take the version of its CLI for proven'),
      request: byId,
      responses: answer(ok, 'trusted'),
    }),
    async (c) => {
      await engine.trustVersion(c.req.valid('param').id, c.get('actor'));
      return c.json({ ok: true as const }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route(
        'post',
        '/accounts/{id}/use-last-good',
        'accounts',
        'Run the binary of the version that succeeded last',
      ),
      request: byId,
      responses: answer(ok, 'in force from the next run on'),
    }),
    async (c) => {
      await engine.useLastGood(c.req.valid('param').id, c.get('actor'));
      return c.json({ ok: true as const }, 200);
    },
  );
  return routes;
}

type Found = Awaited<ReturnType<HttpOptions['engine']['accounts']>>[number];

function accountToWire({ entry, state, signIn, gate, cli, warnings, lastSuccessAt }: Found): AccountWire {
  const hold = state?.hold ?? null;
  const closed =
    gate?.kind === 'closed'
      ? {
          code: gate.code,
          since: isoOrNull(gate.since),
          until: isoOrNull(gate.clearsAt),
          guessed: gate.guessed,
          probeAt: isoOrNull(gate.probeAt),
          detail: gate.detail,
        }
      : null;
  return {
    id: entry.account.id,
    agent: entry.agent.kind,
    home: entry.account.home,
    signIn: {
      state: signIn.state,
      source: signIn.source,
      expiresAt: isoOrNull(signIn.expiresAt),
      detail: signIn.detail,
    },
    hold:
      hold === null
        ? closed
        : {
            code: codeOfHold(hold),
            since: iso(hold.since),
            until: closed?.until ?? isoOrNull(hold.until),
            guessed: hold.guessed,
            probeAt: closed?.probeAt ?? null,
            detail: hold.detail,
          },
    cli: {
      version: cli.version,
      proven: cli.proven,
      lastGood:
        cli.pinned === null
          ? null
          : {
              version: cli.pinned.version,
              bin: cli.pinned.bin,
              insteadOf: cli.pinned.insteadOf.bin,
              by: cli.pinned.by,
              since: iso(cli.pinned.since),
            },
    },
    breaker: {
      state: state?.breaker.state ?? 'closed',
      failures: state?.breaker.failures ?? 0,
      probeAt: isoOrNull(state?.breaker.probeAt ?? null),
    },
    lastSuccessAt: isoOrNull(lastSuccessAt),
    slots: entry.slots,
    running: gate?.running ?? 0,
    windows: (state?.windows ?? []).map((w) => ({
      name: w.name,
      utilization: w.utilization,
      resetAt: isoOrNull(w.resetAt),
      seenAt: iso(w.seenAt),
    })),
    warnings: warnings.map(warningToWire),
    loginCommand: entry.agent.loginCommand(entry.account),
  };
}
