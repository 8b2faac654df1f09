import type { GiteaPlace } from '../../clients/gitea/gitea-place.ts';
import type { GiteaPull } from '../../clients/gitea/wire.ts';
import { said } from '../../clients/host-client.ts';
import { type HttpError, isStatus, path } from '../../lib/http-client.ts';
import type { MergeResult } from '../forge.ts';
import type { Reviews } from '../reviews.ts';
import { newestStatuses } from './checks.ts';
import { isContext, rulesOf } from './rules.ts';

export interface MergeParts {
  readonly place: GiteaPlace;
  readonly style: string;
  readonly keepBranch: boolean;
  readonly reviews: Reviews;
  /** The pull request anew. */
  readonly fresh: (number: number) => Promise<GiteaPull | null>;
  readonly conflict: (pull: GiteaPull) => boolean | null;
}

/** Merges exactly `head`. What the answer means is told by a fresh look, for one code stands for many reasons. */
export async function mergePull(
  parts: MergeParts,
  pull: GiteaPull,
  { head, message, onto }: { head: string; message: string; onto: string | null },
): Promise<MergeResult> {
  const { client, at } = parts.place;
  const before = ended(pull);
  if (before !== null) return before;
  // As near as Gitea lets us come: its merge takes no base.
  if (onto !== null && pull.base.sha !== onto)
    return { kind: 'retry', detail: `${pull.base.ref} moved since the merge of #${pull.number} was checked` };
  const [title = '', ...rest] = message.split('\n');
  const body = {
    // Up to 1.25 and in Forgejo these are the names; newer ones take both.
    ...{ Do: parts.style, MergeTitleField: title, MergeMessageField: rest.join('\n').trim() },
    ...{ head_commit_id: head, delete_branch_after_merge: !parts.keepBranch },
  };
  const below = path`/repos/${at.owner}/${at.name}/pulls/${pull.number}/merge`;
  try {
    const { status } = await client.send({ method: 'POST', path: below, body });
    if (status === 201)
      return { kind: 'scheduled', detail: `Gitea merges #${pull.number} by itself once its rules are met` };
  } catch (error) {
    // 404: it was closed a moment ago.
    if (!isStatus(error, 404, 405, 409)) throw error;
    const now = await parts.fresh(pull.number);
    if (now === null) throw error;
    return ended(now) ?? (error.status === 409 ? moved(pull, now, head, error) : notNow(parts, now, error));
  }
  const merged = await parts.fresh(pull.number);
  return (
    (merged === null ? null : ended(merged)) ?? {
      kind: 'retry',
      detail: `Gitea says that #${pull.number} is merged, and does not show it yet`,
    }
  );
}

/** Null while it is open. */
function ended({ number, merged, merge_commit_sha: commit, head, state }: GiteaPull): MergeResult | null {
  if (merged) return { kind: 'merged', commit: commit ?? head.sha };
  return state === 'open'
    ? null
    : { kind: 'refused', detail: `pull request #${number} was closed: reopen it` };
}

/** 409: a conflict, or something moved under us. */
function moved(before: GiteaPull, now: GiteaPull, head: string, error: HttpError): MergeResult {
  const { number } = now;
  if (now.head.sha !== head)
    return { kind: 'retry', detail: `the head of #${number} is ${now.head.sha.slice(0, 8)} on the forge` };
  if (now.base.sha !== before.base.sha)
    return { kind: 'retry', detail: `${now.base.ref} moved while #${number} was merged` };
  if (/push ?rejected|rejected by|hook/i.test(error.body)) return { kind: 'refused', detail: said(error) };
  return { kind: 'conflict', files: [] };
}

/** 405: a draft, a rule that is not met, a conflict that Gitea knows of, or a check that it is still at. */
async function notNow(parts: MergeParts, pull: GiteaPull, error: HttpError): Promise<MergeResult> {
  const { number, base, draft } = pull;
  const words = said(error);
  if (draft) return { kind: 'refused', detail: `#${number} is a draft: take WIP: out of its title` };
  const rules = await rulesOf(parts.place, base.ref);
  const missing = rules === null ? [] : await unmet(parts, pull, rules);
  if (missing.length > 0)
    return {
      kind: 'refused',
      detail: `the rules of ${base.ref} want more for #${number}: ${missing.join('; ')}`,
    };
  const isBehind = pull.merge_base !== base.sha;
  const blocks = rules?.blocksOnOutdated ?? /behind|out ?of ?date|outdated/i.test(words);
  if (isBehind && blocks)
    return {
      kind: 'outdated',
      detail: `the rules of ${base.ref} want #${number} brought up to date with it first`,
    };
  if (!pull.mergeable)
    return parts.conflict(pull) === true
      ? { kind: 'conflict', files: [] }
      : { kind: 'retry', detail: `Gitea is still checking #${number}` };
  // It was at it a moment ago: the only 405 that says so in words alone.
  if (/try again/i.test(words)) return { kind: 'retry', detail: `Gitea has just checked #${number}` };
  return { kind: 'refused', detail: `Gitea does not merge #${number}: ${words}` };
}

async function unmet(
  { place, reviews }: MergeParts,
  { number, head }: GiteaPull,
  rules: NonNullable<Awaited<ReturnType<typeof rulesOf>>>,
): Promise<string[]> {
  const missing: string[] = [];
  const standing = await reviews.standing(number);
  const approvals = standing.filter(({ verdict }) => verdict === 'approved').length;
  const rejectedBy = standing
    .filter(({ verdict }) => verdict === 'changes_requested')
    .map(({ author }) => author?.login ?? 'somebody');
  if (rules.approvals > approvals) missing.push(`${rules.approvals} approvals, of which it has ${approvals}`);
  if (rules.blocksOnRejected !== false && rejectedBy.length > 0)
    missing.push(`an answer to the changes requested by ${rejectedBy.join(', ')}`);
  const statuses = rules.contexts.length === 0 ? [] : await newestStatuses(place, head.sha);
  for (const pattern of rules.contexts) {
    const found = statuses.filter(({ context }) => isContext(pattern, context));
    if (found.length === 0) missing.push(`a word on how ${pattern} went`);
    for (const { context, status } of found)
      if (!['success', 'warning', 'skipped'].includes(status))
        missing.push(`${context} to be green, which is ${status}`);
  }
  return missing;
}
