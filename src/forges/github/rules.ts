import type { GithubPlace } from '../../clients/github/github-place.ts';
import { isStatus } from '../../lib/http-client.ts';

/**
 * Names of the checks that the base asks for, by its rulesets and by its protection; null when neither is ours to
 * read, and when none is asked for: then what counts is not told, and all of them do. Administrators are told all
 * of it, others what the branch itself says.
 */
export async function requiredChecks(
  { client, repo }: GithubPlace,
  branch: string,
  signal?: AbortSignal,
): Promise<string[] | null> {
  const orNull = (error: unknown) => {
    if (isStatus(error, 403, 404)) return null;
    throw error;
  };
  const rules = await client
    .all('GET /repos/{owner}/{repo}/rules/branches/{branch}', { ...repo, branch }, (all) => all, signal)
    .catch(orNull);
  const found = await client
    .send('GET /repos/{owner}/{repo}/branches/{branch}', { ...repo, branch }, signal)
    .catch(orNull);
  if (rules === null && found === null) return null;
  const byRules = (rules ?? []).flatMap((rule) =>
    rule.type === 'required_status_checks'
      ? (rule.parameters?.required_status_checks ?? []).map(({ context }) => context)
      : [],
  );
  const byBranch = found?.protection?.required_status_checks?.contexts ?? [];
  const asked = [...new Set([...byRules, ...byBranch])];
  return asked.length === 0 ? null : asked;
}
