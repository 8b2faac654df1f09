import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Agent, AgentAccount } from '../agents/agent.ts';
import { messageOf } from '../core/errors.ts';
import { isOutdated, type SignIn } from '../core/sign-in.ts';
import type { Machine } from './machine.ts';

/** What the preflight knows of one account. `null` while its first check is still running. */
export interface PreflightView {
  readonly versionError: string | null;
  readonly version: string | null;
  /** The account's `bin` that was asked, and the real path of the binary; null when it cannot be told. */
  readonly asked: string;
  readonly bin: string | null;
  readonly signIn: SignIn;
  readonly checkedAt: number;
}

interface Entry {
  view: PreflightView | null;
  /** What the view was made from: configuration, credential files and binary of the account, as a digest. */
  files: string;
  checking: Promise<void> | null;
  /** How often it was dropped, and how often when the check of the view began: one that comes during it counts. */
  drops: number;
  judgedDrops: number;
}

export interface PreflightOptions {
  readonly cacheTtlMs: number;
  readonly expirySkewMs: number;
}

/**
 * The token-free, network-free check before each claim: the CLI answers `--version`, and its sign-in
 * is judged from local files. Cached per account; a changed credentials file or binary, or a sign-in
 * marker, drops the cache at once. Checks run beside the dispatcher, so a CLI that hangs holds its own account only.
 */
export function createPreflight(
  clock: () => number,
  onChecked: () => void,
  machine: Pick<Machine, 'realBinary'>,
  searchPath: string,
) {
  const entries = new Map<string, Entry>();

  /** As the launcher finds it: an account may have a PATH of its own. */
  const binaryOf = ({ bin, env }: AgentAccount) => machine.realBinary(bin, env['PATH'] ?? searchPath);

  async function filesOf(agent: Agent, account: AgentAccount): Promise<string> {
    const { env, bin, home, credentialsPath } = account;
    const hash = createHash('sha256').update(JSON.stringify([env, bin, home, credentialsPath]));
    const binary = await binaryOf(account);
    for (const file of [...agent.credentialFiles(account), ...(binary === null ? [] : [binary])]) {
      const facts = await stat(file).catch(() => null);
      hash.update(
        `${file}:${facts === null ? 'none' : `${facts.ino}:${facts.size}:${facts.mtimeMs}:${facts.ctimeMs}`}\n`,
      );
    }
    return hash.digest('hex');
  }

  async function check(
    entry: Entry,
    files: string,
    agent: Agent,
    account: AgentAccount,
    options: PreflightOptions,
  ): Promise<void> {
    const checkedAt = clock();
    const { drops } = entry;
    // The path first: one that changes meanwhile differs from what the digest saw, and is asked again.
    const bin = await binaryOf(account);
    const [version, signIn] = await Promise.all([
      agent.version(account).then(
        (value) => ({ value, error: null }),
        (error: unknown) => ({ value: null, error: messageOf(error) }),
      ),
      // Looked at even when it does not count (S5): a hold still ends when the credential changes.
      agent.signIn(account, { now: checkedAt, expirySkewMs: options.expirySkewMs }),
    ]);
    entry.view = {
      version: version.value,
      versionError: version.error,
      asked: account.bin,
      bin,
      signIn,
      checkedAt,
    };
    // Of before the check: what has changed while it ran is not in the view, and is looked at again.
    entry.files = files;
    entry.judgedDrops = drops;
  }

  return {
    /** The current view; starts a new check beside when the cached one is old, and answers with null until the first is there. */
    async view(
      agent: Agent,
      account: AgentAccount,
      options: PreflightOptions,
    ): Promise<PreflightView | null> {
      const files = await filesOf(agent, account);
      const entry = entries.get(account.id) ?? neverChecked();
      entries.set(account.id, entry);
      const { view } = entry;
      const isOld = view !== null && clock() - view.checkedAt >= options.cacheTtlMs;
      const isWrong =
        view === null ||
        entry.files !== files ||
        entry.drops !== entry.judgedDrops ||
        // By the clock alone a sign-in comes to its renewal: a start more than one would race with it.
        isOutdated(view.signIn, view.checkedAt, clock(), options.expirySkewMs);
      if (isWrong || isOld)
        entry.checking ??= check(entry, files, agent, account, options).finally(() => {
          entry.checking = null;
          onChecked();
        });
      return isWrong ? null : view;
    },
    /** Waits for a fresh view; for `accounts check` and for judging an account after a run. */
    async fresh(agent: Agent, account: AgentAccount, options: PreflightOptions): Promise<PreflightView> {
      const entry = neverChecked();
      await check(entry, await filesOf(agent, account), agent, account, options);
      entries.set(account.id, entry);
      return entry.view as PreflightView;
    },
    /** Version of the account's CLI as last answered, and the binary that did; null when unknown. */
    cli({ id, bin }: AgentAccount): { readonly version: string | null; readonly bin: string | null } {
      const view = entries.get(id)?.view ?? null;
      return view === null || view.asked !== bin ? { version: null, bin: null } : view;
    },
    /** A sign-in marker was seen in a run: the next tick judges again (S3). */
    drop(accountId: string): void {
      const entry = entries.get(accountId);
      if (entry !== undefined) entry.drops += 1;
    },
  };
}

function neverChecked(): Entry {
  return { view: null, files: '', checking: null, drops: 0, judgedDrops: 0 };
}

export type Preflight = ReturnType<typeof createPreflight>;
