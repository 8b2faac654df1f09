import { AppError } from '../core/errors.ts';
import { type GitOutput, lineOf, saidBy } from './git.ts';
import { checkBranch, isCommitId } from './names.ts';
import { resolveRef, setRef } from './refs.ts';
import { type Context, masked, overNetwork, type Repository, remoteHint } from './repository.ts';
import { parseRemoteUrl, type RemoteUrl } from './url.ts';

export type PushOutcome = { readonly kind: 'pushed' } | { readonly kind: 'moved' };

/** The commit a branch has at the configured URL right now, or null. Throws `workspace.fetch_failed`. */
export async function remoteHead(context: Context, repo: Repository, branch: string): Promise<string | null> {
  const remote = parseRemoteUrl(repo.url, repo.credentials);
  const ref = `refs/heads/${checkBranch(branch)}`;
  const output = await asked(context, repo, remote, [
    'ls-remote',
    '--quiet',
    '--refs',
    '--',
    remote.url,
    ref,
  ]);
  const line = lineOf(output)
    .split('\n')
    .find((entry) => entry.endsWith(`\t${ref}`));
  const commit = line?.split('\t')[0];
  return commit !== undefined && isCommitId(commit) ? commit : null;
}

/** Brings one branch of the remote here, as `refs/remotes/origin/<branch>`; its commit, or null when it is gone. */
export async function fetchBranch(
  context: Context,
  repo: Repository,
  branch: string,
): Promise<string | null> {
  const commit = await remoteHead(context, repo, branch);
  const tracking = `refs/remotes/origin/${branch}`;
  const known = await resolveRef(context, repo.project, tracking);
  if (commit === null) {
    if (known !== null) await setRef(context, repo.project, tracking, null);
    return null;
  }
  if (known === commit) return commit;
  const remote = parseRemoteUrl(repo.url, repo.credentials);
  const args = [
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-write-fetch-head',
    '--no-auto-maintenance',
    '--no-recurse-submodules',
    '--',
    remote.url,
    `+refs/heads/${branch}:${tracking}`,
  ];
  await asked(context, repo, remote, args);
  return resolveRef(context, repo.project, tracking);
}

const PUSH = [
  'push',
  '--porcelain',
  '--no-verify',
  '--no-follow-tags',
  '--no-signed',
  '--recurse-submodules=no',
] as const;

/**
 * Sets one remote branch, only while it still is where we saw it (null: absent). The URL is always
 * the configured one, never a remote's name that a configuration could point elsewhere. `moved`:
 * somebody was faster; look again. Throws `workspace.push_rejected`, `workspace.base_checked_out`.
 */
export async function pushCommit(
  context: Context,
  repo: Repository,
  branch: string,
  commit: string,
  expected: string | null,
): Promise<PushOutcome> {
  const remote = parseRemoteUrl(repo.url, repo.credentials);
  const ref = `refs/heads/${checkBranch(branch)}`;
  const args = [...PUSH, `--force-with-lease=${ref}:${expected ?? ''}`, '--', remote.url, `${commit}:${ref}`];
  const output = await overNetwork(context, repo, remote, args, { okCodes: [0, 1, 128] });
  if (output.exitCode === 0) {
    await setRef(context, repo.project, `refs/remotes/origin/${branch}`, commit);
    return { kind: 'pushed' };
  }
  const said = masked(`${saidBy(output.stdout.toString('utf8'))} ${saidBy(output.stderr)}`, remote);
  if (
    /\(stale info\)|\(fetch first\)|\(non-fast-forward\)|cannot lock ref|failed to update ref|incorrect old value/.test(
      said,
    )
  ) {
    if ((await remoteHead(context, repo, branch)) !== expected) return { kind: 'moved' };
  }
  throw pushError(remote, branch, said);
}

/** Deletes one remote branch, only while it still is where we put it. Throws as a push does. */
export async function deleteRemoteBranch(
  context: Context,
  repo: Repository,
  branch: string,
  expected: string,
): Promise<void> {
  const remote = parseRemoteUrl(repo.url, repo.credentials);
  const ref = `refs/heads/${checkBranch(branch)}`;
  const args = [...PUSH, `--force-with-lease=${ref}:${expected}`, '--', remote.url, `:${ref}`];
  const output = await overNetwork(context, repo, remote, args, { okCodes: [0, 1, 128] });
  if (output.exitCode !== 0) {
    const said = `${saidBy(output.stdout.toString('utf8'))} ${saidBy(output.stderr)}`;
    throw pushError(remote, branch, masked(said, remote));
  }
  await setRef(context, repo.project, `refs/remotes/origin/${branch}`, null);
}

/** Network calls that fail say which URL and what to do. */
async function asked(
  context: Context,
  repo: Repository,
  remote: RemoteUrl,
  args: readonly string[],
): Promise<GitOutput> {
  const output = await overNetwork(context, repo, remote, args, { okCodes: [0, 1, 2, 128] });
  if (output.exitCode === 0) return output;
  const said = masked(saidBy(output.stderr), remote);
  throw new AppError(`cannot reach ${remote.url}: ${said}`, {
    code: 'workspace.fetch_failed',
    hint: remoteHint(said, remote),
    facts: { url: remote.url, exitCode: output.exitCode },
  });
}

function pushError(remote: RemoteUrl, branch: string, said: string): AppError {
  const facts = { url: remote.url, branch };
  const folder = remote.url.replace(/^file:\/\/(?:localhost)?/, '');
  if (/branch is currently checked out|refusing to update checked out branch/.test(said)) {
    return new AppError(`${branch} is checked out in ${folder}, so git refuses to move it`, {
      code: 'workspace.base_checked_out',
      hint: `git -C ${folder} config receive.denyCurrentBranch updateInstead`,
      facts,
    });
  }
  if (/Working directory has (?:un)?staged changes|Could not update working tree/i.test(said)) {
    return new AppError(
      `${branch} is checked out in ${folder} with uncommitted changes, so git refuses to move it`,
      {
        code: 'workspace.base_checkout_dirty',
        hint: `commit or stash the changes in ${folder}`,
        facts,
      },
    );
  }
  if (/\[remote rejected\]|declined|protected branch/i.test(said)) {
    return new AppError(`${remote.url} rejected the push to ${branch}: ${said}`, {
      code: 'workspace.push_rejected',
      hint: 'see the branch protection and the hooks of that repository',
      facts,
    });
  }
  return new AppError(`cannot push ${branch} to ${remote.url}: ${said}`, {
    code: 'workspace.push_failed',
    hint: remoteHint(said, remote),
    facts,
  });
}

/** The tip of other people's commits on a task branch, which no push of ours may drop. */
export function peopleRef(branch: string): string {
  return `refs/orch/people/${branch}`;
}

/** What Orch itself last put on the remote's branch. */
export function pushedRef(branch: string): string {
  return `refs/orch/pushed/${branch}`;
}
