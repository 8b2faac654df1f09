import type { AgentAccount } from '../agents/agent.ts';
import { type CliVersion, isProven, lastGood } from '../core/cli-version.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { AccountState, PinnedCli } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/store.ts';
import type { Actor } from './intake.ts';
import type { Preflight } from './preflight.ts';
import type { Runtime, RuntimeAccount } from './runtime.ts';

/** The choice in force: it ends when the configuration names another binary than the one it stands in for. */
export function pinInForce(account: AgentAccount, state: AccountState | undefined): PinnedCli | null {
  const pinned = state?.pinned ?? null;
  return pinned !== null && pinned.insteadOf.bin === account.bin ? pinned : null;
}

/** The account as its runs are started: with the binary that a person chose, if one did. */
export function accountInForce(account: AgentAccount, state: AccountState | undefined): AgentAccount {
  const pinned = pinInForce(account, state);
  return pinned === null ? account : { ...account, bin: pinned.bin };
}

export interface CliTrustParts {
  readonly store: Store;
  readonly preflight: Preflight;
  readonly runtime: () => Runtime;
  readonly clock: Clock;
}

/** What a person does about an account's CLI: ask it, trust its version, or go back to an earlier one. */
export function createCliTrust({ store, preflight, runtime, clock }: CliTrustParts) {
  async function lookAt(id: string) {
    const entry = runtime().accounts.get(id);
    if (entry === undefined)
      throw new AppError(`there is no account ${id}`, {
        code: 'account.unknown',
        hint: `one of ${[...runtime().accounts.keys()].join(', ')}`,
      });
    const state = (await store.accounts()).find((each) => each.id === id);
    const account = accountInForce(entry.account, state);
    const { version } = await preflight.fresh(entry.agent, account, runtime().preflight);
    return { entry, state, version, known: await store.cliVersions() };
  }

  return {
    /** Asks the account's binary and looks at its sign-in, now. */
    async check(id: string): Promise<void> {
      await lookAt(id);
    },

    /**
     * Takes the versions that hold the account for proven, everywhere; without a hold the one it has now.
     * Its runs use the configured binary again. Throws `account.nothing_to_trust`.
     */
    async trust(id: string, actor: Actor): Promise<AccountState> {
      const { entry, state, version, known } = await lookAt(id);
      const { kind } = entry.agent;
      const at = clock();
      const questioned = inQuestion(state);
      const meant = unproven(entry, questioned.length === 0 ? stated(version) : questioned, known);
      if (meant.length === 0 && state?.pinned == null && state?.hold?.reason !== 'unproven_version')
        throw new AppError(`${kind} ${version ?? ''} of ${id} is proven already`, {
          code: 'account.nothing_to_trust',
          hint: 'orch accounts',
        });
      return store.commandAccount(
        id,
        (account) => ({
          account: { ...released(account), pinned: null },
          proofs: meant.map((each) => ({ kind, version: each, at, bin: null, by: actor.by })),
        }),
        { ...actor, action: 'trust', target: `account:${id} ${kind} ${meant.join(' ')}`.trim(), at },
      );
    },

    /**
     * From now on the account's runs use the binary of the version that succeeded last. Throws
     * `account.version_proven`, `account.no_last_good`, `account.last_good_gone`; then nothing changed.
     */
    async useLastGood(id: string, actor: Actor): Promise<AccountState> {
      const { entry, state, version, known } = await lookAt(id);
      const { agent, account } = entry;
      const meant = unproven(entry, [...new Set([...inQuestion(state), ...stated(version)])], known);
      if (pinInForce(account, state) !== null && !stated(version).some((each) => meant.includes(each)))
        throw new AppError(`${id} uses its last good ${agent.kind} already`, {
          code: 'account.version_proven',
          hint: `orch accounts trust ${id} goes back to ${account.bin}`,
        });
      if (meant.length === 0)
        throw new AppError(
          `${agent.kind} ${version ?? ''} of ${id} is proven: there is nothing to go back from`,
          {
            code: 'account.version_proven',
            hint: 'orch accounts',
          },
        );
      const good = lastGood(agent.kind, known, meant);
      if (good === null || good.bin === null)
        throw new AppError(
          good === null
            ? `no run of ${agent.kind} has succeeded here on another version`
            : `${agent.kind} ${good.version} succeeded last, but where its binary was is not known`,
          {
            code: 'account.no_last_good',
            hint: `install an earlier version and name it in accounts.${id}.bin, or: orch accounts trust ${id}`,
          },
        );
      await checkAnswer(entry, good.version, good.bin);
      const at = clock();
      const pinned: PinnedCli = {
        version: good.version,
        bin: good.bin,
        insteadOf: { bin: account.bin, versions: meant },
        by: actor.by,
        since: at,
      };
      return store.commandAccount(
        id,
        (before) => ({ account: { ...released(before), pinned }, proofs: [] }),
        {
          ...actor,
          action: 'use-last-good',
          target: `account:${id} ${agent.kind} ${good.version}`,
          at,
        },
      );
    },
  };
}

/** The versions that the account is held for, and those that a person's choice stands in for. */
function inQuestion(state: AccountState | undefined): string[] {
  const held = state?.hold?.cli?.versions ?? [];
  const replaced = state?.pinned?.insteadOf.versions ?? [];
  return [...new Set([...held, ...replaced])];
}

function stated(version: string | null): string[] {
  return version === null ? [] : [version];
}

function unproven(
  { agent }: RuntimeAccount,
  versions: readonly string[],
  known: readonly CliVersion[],
): string[] {
  return versions.filter((version) => !isProven(agent.kind, version, agent.recordedVersions, known));
}

function released(account: AccountState): AccountState {
  return account.hold?.reason === 'unproven_version' ? { ...account, hold: null } : account;
}

async function checkAnswer({ agent, account }: RuntimeAccount, version: string, bin: string): Promise<void> {
  const answer = await agent.version({ ...account, bin }).then(
    (text) => ({ text, why: `it answers with version ${text} now` }),
    (error: unknown) => ({ text: null, why: messageOf(error) }),
  );
  if (answer.text === version) return;
  throw new AppError(`${agent.kind} ${version} is not at ${bin} any more: ${answer.why}`, {
    code: 'account.last_good_gone',
    hint: `install ${version} beside it and name it in accounts.${account.id}.bin, or: orch accounts trust ${account.id}`,
  });
}
