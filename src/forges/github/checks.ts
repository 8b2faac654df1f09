import type { GithubPlace } from '../../clients/github/github-place.ts';
import { isStatus } from '../../lib/http-client.ts';
import { type ForgeCheck, OWN_CONTEXT } from '../forge.ts';
import { LOG_CHARACTERS, MAX_LOGS, tailOf } from '../log-tail.ts';

const GOOD: readonly string[] = ['success', 'neutral', 'skipped'];
const ACTIONS = 'github-actions';

/** What others say of a commit, by statuses and by check runs: the newest word per name. */
export async function checksOf(
  place: GithubPlace,
  head: string,
  required: readonly string[] | null,
  signal?: AbortSignal,
): Promise<ForgeCheck[]> {
  const isRequired = (name: string) => required?.includes(name) ?? null;
  const statuses = (await statusesOf(place, head, signal))
    .filter(({ context }) => !context.startsWith(OWN_CONTEXT))
    .map(({ context, state, target_url, description }): ForgeCheck => {
      const told = state === 'success' ? 'success' : state === 'pending' ? 'pending' : 'failure';
      const detail = told === 'failure' ? (description ?? '') : '';
      return { name: context, state: told, required: isRequired(context), url: target_url, detail };
    });
  const runs = await runsOf(place, head, signal);
  const checks: ForgeCheck[] = [];
  let logs = 0;
  for (const run of runs) {
    const conclusion: string = run.conclusion ?? '';
    const state =
      run.status !== 'completed' || conclusion === 'stale'
        ? 'pending'
        : GOOD.includes(conclusion)
          ? 'success'
          : 'failure';
    const { title, summary, text } = run.output;
    const words = [title, summary, text].filter((part) => part !== null && part !== '').join('\n\n');
    const log =
      state === 'failure' && run.app?.slug === ACTIONS && logs++ < MAX_LOGS
        ? await logOf(place, Number(run.id), signal)
        : null;
    const detail =
      state === 'failure' ? (log ?? (words === '' ? conclusion : words.slice(-LOG_CHARACTERS))) : '';
    checks.push({ name: run.name, state, required: isRequired(run.name), url: run.html_url, detail });
  }
  const said = new Set([...statuses, ...checks].map(({ name }) => name));
  // What is asked for and nobody has said a word about yet.
  const silent = (required ?? []).filter((name) => !name.startsWith(OWN_CONTEXT) && !said.has(name));
  return [
    ...statuses,
    ...checks,
    ...silent.map((name) => ({ name, state: 'pending' as const, required: true, url: null, detail: '' })),
  ];
}

/** Each context's newest status; none when GitHub does not have the commit yet. */
export async function statusesOf({ client, repo }: GithubPlace, ref: string, signal?: AbortSignal) {
  const route = 'GET /repos/{owner}/{repo}/commits/{ref}/status';
  try {
    return await client.all(route, { ...repo, ref }, ({ statuses }) => statuses, signal);
  } catch (error) {
    if (isStatus(error, 404, 422)) return [];
    throw error;
  }
}

/** The latest run of each name, as GitHub filters them itself; several apps may use one name. */
async function runsOf({ client, repo }: GithubPlace, ref: string, signal?: AbortSignal) {
  const route = 'GET /repos/{owner}/{repo}/commits/{ref}/check-runs';
  try {
    const found = await client.all(
      route,
      { ...repo, ref, filter: 'latest' },
      (answer) => answer.check_runs,
      signal,
    );
    const inOrder = found.toSorted((a, b) => Number(a.id) - Number(b.id));
    return [...new Map(inOrder.map((run) => [run.name, run])).values()];
  } catch (error) {
    // A token that may not read checks still has the statuses.
    if (isStatus(error, 403, 404, 422)) return [];
    throw error;
  }
}

/** Of a job of Actions, whose check run has its number. Null where it cannot be had. */
async function logOf(
  { client, repo }: GithubPlace,
  job_id: number,
  signal?: AbortSignal,
): Promise<string | null> {
  try {
    const log = await client.text(
      'GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs',
      { ...repo, job_id },
      signal,
    );
    return log === '' ? null : tailOf(log);
  } catch {
    signal?.throwIfAborted();
    return null; // gone, too large, or not ours to read: the check's own words have to do
  }
}
