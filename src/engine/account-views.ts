import { expiringOf, expiringWarning } from '../core/account-warning.ts';
import { isProven } from '../core/cli-version.ts';
import type { DispatchState } from '../core/dispatch-state.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/store.ts';
import { accountInForce, pinInForce } from './cli-trust.ts';
import type { Preflight } from './preflight.ts';
import type { Runtime } from './runtime.ts';

/** Every configured account as people look at it: its sign-in judged now, and what the last tick made of it. */
export function createAccountViews(parts: {
  readonly store: Store;
  readonly preflight: Preflight;
  readonly state: () => DispatchState | null;
  readonly runtime: () => Runtime;
  readonly clock: Clock;
}) {
  const { store, preflight, clock } = parts;
  return async function accounts() {
    const { accounts, accountRules, preflight: rules } = parts.runtime();
    const states = new Map((await store.accounts()).map((a) => [a.id, a]));
    const [versions, lastSuccess] = await Promise.all([store.cliVersions(), store.reports.lastSuccess()]);
    const state = parts.state();
    return Promise.all(
      [...accounts.values()].map(async (entry) => {
        const { agent, account } = entry;
        const own = states.get(account.id);
        const { version } = preflight.cli(accountInForce(account, own));
        const now = clock();
        const signIn = await agent.signIn(account, { now, expirySkewMs: rules.expirySkewMs });
        const expiring = accountRules.checkAuth ? expiringOf(signIn, now) : null;
        return {
          entry,
          state: own ?? null,
          lastSuccessAt: lastSuccess.get(account.id) ?? null,
          signIn,
          warnings: expiring === null ? [] : [expiringWarning(account.id, expiring, now)],
          gate: state?.accounts.get(account.id) ?? null,
          cli: {
            version,
            proven: version === null ? null : isProven(agent.kind, version, agent.recordedVersions, versions),
            pinned: pinInForce(account, own),
          },
        };
      }),
    );
  };
}
