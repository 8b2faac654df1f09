import type { z } from 'zod';
import type { GiteaPlace } from '../../clients/gitea/gitea-place.ts';
import { combined, type GiteaStatus, workflowJobs, workflowRuns } from '../../clients/gitea/wire.ts';
import { isStatus, path } from '../../lib/http-client.ts';
import { type ForgeCheck, OWN_CONTEXT } from '../forge.ts';
import { MAX_LOGS, tailOf } from '../log-tail.ts';
import { type BaseRules, isContext } from './rules.ts';

type Job = z.output<typeof workflowJobs>['jobs'][number];

/** What others say of a commit: the newest word per context, with the log's end of jobs that failed. */
export async function checksOf(
  place: GiteaPlace,
  head: string,
  rules: BaseRules | null,
  signal?: AbortSignal,
): Promise<ForgeCheck[]> {
  const statuses = await newestStatuses(place, head, signal);
  const theirs = statuses.filter(({ context }) => !context.startsWith(OWN_CONTEXT));
  const red = theirs.some(({ status }) => stateOf(status) === 'failure');
  const logs = red ? await failedJobs(place, head, signal) : [];
  // Rules that ask for none say nothing about which of them matter.
  const isRequired = (context: string) =>
    rules === null || rules.contexts.length === 0
      ? null
      : rules.contexts.some((pattern) => isContext(pattern, context));
  const told = theirs.map((status): ForgeCheck => {
    const state = stateOf(status.status);
    const log = state === 'failure' ? logs.find(({ job }) => isOfJob(status, job)) : undefined;
    return {
      ...{ name: status.context, state, required: isRequired(status.context) },
      url: absolute(status.target_url),
      detail: state === 'failure' ? (log?.tail ?? status.description) : '',
    };
  });
  // What is asked for and nobody has said a word about yet.
  const silent = (rules?.contexts ?? []).filter(
    (pattern) =>
      !pattern.startsWith(OWN_CONTEXT) && !theirs.some(({ context }) => isContext(pattern, context)),
  );
  return [
    ...told,
    ...silent.map((name) => ({ name, state: 'pending' as const, required: true, url: null, detail: '' })),
  ];
}

/** Each context's newest status of a commit; none when the forge does not have the commit yet. */
export async function newestStatuses(
  { client, at }: GiteaPlace,
  head: string,
  signal?: AbortSignal,
): Promise<GiteaStatus[]> {
  const request = {
    ...({ method: 'GET', path: path`/repos/${at.owner}/${at.name}/commits/${head}/status` } as const),
    ...(signal === undefined ? {} : { signal }),
  };
  const all = await client
    .all(combined, ({ statuses }) => statuses, request)
    .catch((error: unknown) => {
      if (isStatus(error, 404)) return [];
      throw error;
    });
  return [...new Map(all.toSorted((a, b) => a.id - b.id).map((each) => [each.context, each])).values()];
}

async function failedJobs(
  { client, at }: GiteaPlace,
  head: string,
  signal?: AbortSignal,
): Promise<{ job: Job; tail: string }[]> {
  const actions = path`/repos/${at.owner}/${at.name}/actions`;
  const get = (below: string, query = {}) => ({
    ...({ method: 'GET', path: `${actions}${below}`, query } as const),
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    const runs = await client.all(
      workflowRuns,
      (answer) => answer.workflow_runs,
      get('/runs', { head_sha: head }),
    );
    const found: { job: Job; tail: string }[] = [];
    for (const run of runs.filter(isRed)) {
      const jobs = await client.all(workflowJobs, (answer) => answer.jobs, get(`/runs/${run.id}/jobs`));
      for (const job of jobs.filter(isRed)) {
        if (found.length === MAX_LOGS) return found;
        // A log may be too large, or gone already: then the status' own line has to do.
        const log = await client.send(get(`/jobs/${job.id}/logs`)).catch(() => {
          signal?.throwIfAborted();
          return null;
        });
        if (log !== null) found.push({ job, tail: tailOf(log.text) });
      }
    }
    return found;
  } catch (error) {
    // Servers before 1.24 have no such list, others have Actions switched off.
    if (isStatus(error, 403, 404)) return [];
    throw error;
  }
}

function isRed({ status, conclusion }: { status: string; conclusion: string }): boolean {
  return conclusion === 'failure' || (conclusion === '' && status === 'failure');
}

/** Actions names a job's status `workflow / job (event)`. */
function isOfJob({ context }: GiteaStatus, { name }: Job): boolean {
  return context === name || context.includes(` / ${name} (`);
}

function stateOf(status: string): ForgeCheck['state'] {
  // To Gitea's own rules a warning and a skipped one are good.
  if (status === 'success' || status === 'warning' || status === 'skipped') return 'success';
  return status === 'failure' || status === 'error' ? 'failure' : 'pending';
}

/** Actions gives addresses without a host. */
function absolute(url: string): string | null {
  return /^https?:\/\//.test(url) ? url : null;
}
