import type { GithubPlace } from '../../clients/github/github-place.ts';
import { said } from '../../clients/host-client.ts';
import { type HttpError, isStatus } from '../../lib/http-client.ts';
import type { MergeResult } from '../forge.ts';
import type { GithubPulls, Pull } from './pulls.ts';

export interface MergeParts {
  readonly place: GithubPlace;
  readonly pulls: GithubPulls;
  readonly style: 'merge' | 'squash' | 'rebase';
  readonly keepBranch: boolean;
  /** Let GitHub merge by itself once its rules are met. */
  readonly auto: boolean;
}

const AUTO = `mutation($id: ID!, $method: PullRequestMergeMethod!, $head: GitObjectID!, $title: String, $body: String) {
  enablePullRequestAutoMerge(input: { pullRequestId: $id, mergeMethod: $method, expectedHeadOid: $head, commitHeadline: $title, commitBody: $body }) { clientMutationId }
}`;

/** Merges exactly `head`. What a no means is told by a fresh look, for one code stands for many reasons. */
export async function mergePull(
  parts: MergeParts,
  pull: Pull,
  { head, message }: { head: string; message: string },
): Promise<MergeResult> {
  const { client, repo } = parts.place;
  const { number } = pull;
  const before = await ended(parts, pull, head);
  if (before !== null) return before;
  // Between the last word of a person and this nothing else makes it ready.
  if (pull.draft === true) await parts.pulls.undraft(pull);
  const [commit_title = '', ...rest] = message.split('\n');
  const commit_message = rest.join('\n').trim();
  try {
    const { sha } = await client.send('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
      ...{ ...repo, pull_number: number, sha: head, merge_method: parts.style },
      ...(parts.style === 'rebase' ? {} : { commit_title, commit_message }),
    });
    await removeBranch(parts, pull, head);
    return { kind: 'merged', commit: sha };
  } catch (error) {
    if (!isStatus(error, 404, 405, 409, 422)) throw error;
    const now = await parts.pulls.byNumber(number);
    if (now === null) throw error;
    const after = await ended(parts, now, head);
    if (after !== null) return after;
    const why = notNow(now, head, error);
    if (why.kind !== 'refused' || !parts.auto || now.draft === true) return why;
    return scheduled(parts, now, { head, title: commit_title, body: commit_message }, why);
  }
}

/** Null while it is open. */
async function ended(parts: MergeParts, pull: Pull, head: string): Promise<MergeResult | null> {
  const { number, merged, merge_commit_sha: commit, state } = pull;
  if (merged) {
    await removeBranch(parts, pull, head);
    return { kind: 'merged', commit: commit ?? pull.head.sha };
  }
  return state === 'open'
    ? null
    : { kind: 'refused', detail: `pull request #${number} was closed: reopen it` };
}

function notNow(pull: Pull, head: string, error: HttpError): MergeResult {
  const { number, base, mergeable, mergeable_state: state } = pull;
  const words = said(error);
  if (pull.head.sha !== head)
    return { kind: 'retry', detail: `the head of #${number} is ${pull.head.sha.slice(0, 8)} on GitHub` };
  if (pull.draft === true) return { kind: 'refused', detail: `#${number} is a draft: make it ready` };
  if (mergeable === false || state === 'dirty') return { kind: 'conflict', files: [] };
  if (state === 'behind' || /not up to date|out.of.date|head branch (?:is|was) behind/i.test(words))
    return {
      kind: 'outdated',
      detail: `the rules of ${base.ref} want #${number} brought up to date with it first`,
    };
  if (mergeable === null || state === 'unknown')
    return { kind: 'retry', detail: `GitHub is still checking #${number}` };
  if (error.status === 409 || /base branch was modified|try (?:the merge )?again/i.test(words))
    return { kind: 'retry', detail: `${base.ref} moved while #${number} was merged` };
  return { kind: 'refused', detail: `GitHub does not merge #${number}: ${words}` };
}

async function scheduled(
  { place, style }: MergeParts,
  pull: Pull,
  { head, title, body }: { head: string; title: string; body: string },
  otherwise: MergeResult,
): Promise<MergeResult> {
  try {
    const variables = { id: pull.node_id, method: style.toUpperCase(), head, title, body };
    await place.client.graphql(AUTO, variables);
    return { kind: 'scheduled', detail: `GitHub merges #${pull.number} by itself once its rules are met` };
  } catch (error) {
    if (isStatus(error, 422)) return otherwise; // the repository does not allow it
    throw error;
  }
}

/** The branch goes with the merge, when nobody has put more on it. What fails here leaves only a branch behind. */
async function removeBranch(
  { place, pulls, keepBranch }: MergeParts,
  pull: Pull,
  head: string,
): Promise<void> {
  const { client, repo } = place;
  if (keepBranch || pull.head.repo?.id !== pull.base.repo.id) return;
  const ref = `heads/${pull.head.ref}`;
  try {
    if ((await pulls.tip(pull.head.ref)) !== head) return;
    await client.send('DELETE /repos/{owner}/{repo}/git/refs/{ref}', { ...repo, ref });
  } catch {
    // The merge stands; GitHub may remove the branch itself.
  }
}
