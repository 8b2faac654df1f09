import type { Endpoints } from '@octokit/types';
import { z } from 'zod';
import type { DestinationContext } from '../../clients/destination-context.ts';
import { failedRequest, isStatus } from '../../clients/github/github-client.ts';
import { type GithubPlace, githubPlace, repositoryTrouble } from '../../clients/github/github-place.ts';
import { isSameRepository } from '../../clients/repository-name.ts';
import { destinationError } from '../../core/destination-error.ts';
import { AppError } from '../../core/errors.ts';
import { issueNumbersIn } from '../dependency-lines.ts';
import type { ItemStatus, TrackedItem, Tracker } from '../tracker.ts';
import type { TrackerKind } from '../tracker-kind.ts';

type Issue = Endpoints['GET /repos/{owner}/{repo}/issues']['response']['data'][number];

const NEAREST = 3;
const REPORT = 'report';
const ISSUE = 'GET /repos/{owner}/{repo}/issues/{issue_number}';

const stateLabel = (value: string, when: string) =>
  z
    .string()
    .max(50)
    .default(value)
    .describe(`Label of an issue ${when}; empty for none. It is created when it is not there.`);

const keys = {
  repo: z
    .string()
    .optional()
    .describe('`owner/name` of the repository whose issues are meant. Default: that of `repo`.'),
  label: z.string().min(1).optional().describe('Issues with this label are taken on.'),
  assignee: z.string().min(1).optional().describe('Issues assigned to this login are taken on.'),
  milestone: z.string().min(1).optional().describe('Issues in the milestone of this title are taken on.'),
  states: z
    .strictObject({
      in_progress: stateLabel('orch/in-progress', 'that is worked on'),
      needs_you: stateLabel('orch/needs-you', 'that waits for a person'),
      done: stateLabel('', 'that is done'),
      cancelled: stateLabel('', 'whose task was cancelled'),
    })
    .prefault({})
    .describe('How the state of a task shows on its issue. Other labels are left alone.'),
  close_when_done: z.boolean().default(true).describe('Close an issue when its task is done.'),
  priorities: z
    .record(z.string().min(1), z.int().min(-100).max(100))
    .prefault({ 'priority: critical': 100, 'priority: high': 50, 'priority: low': -50 })
    .describe('Labels that say how urgent an issue is; the highest counts, capitals do not.'),
};
const schema = z.object(keys);

export const githubTracker: TrackerKind = {
  kind: 'github',
  keys,
  needs: ['github_token'],
  check({ repo, label, assignee, milestone }, address) {
    const trouble = repositoryTrouble(repo, address);
    const found = trouble === null ? [] : [trouble];
    if (label !== undefined || assignee !== undefined || milestone !== undefined) return found;
    const problem = 'is missing: without a match rule every issue would be taken on';
    return [...found, { key: 'label', problem, fix: 'add label, assignee or milestone' }];
  },
  create(context) {
    const { repo } = schema.parse(context.config);
    return createGithubTracker(context, githubPlace(context, repo));
  },
};

function createGithubTracker(context: DestinationContext, place: GithubPlace): Tracker {
  const { at, repo, client, threads } = place;
  const { project, clock } = context;
  const config = schema.parse(context.config);
  const rule = {
    label: config.label ?? null,
    assignee: config.assignee ?? null,
    milestone: config.milestone ?? null,
  };
  const words = wordsOf(rule);
  const source = `GitHub ${at.owner}/${at.name}`;
  let survey = {
    ...{ source, rule: words, lookedAt: clock(), seen: 0, matching: 0 },
    nearest: [] as { key: string; why: string }[],
  };
  const keyOf = (number: number) => `${project.toUpperCase()}-${number}`;
  const asked = <T>(act: () => Promise<T>) => asking(act, place);

  /** Null when it is certainly gone, and for a pull request, which is no item. */
  async function find(id: string, signal?: AbortSignal): Promise<Issue | null> {
    if (!/^[1-9]\d{0,8}$/.test(id)) return null;
    const found = await client.find(ISSUE, { ...repo, issue_number: Number(id) }, signal);
    return found === null || found.pull_request != null ? null : found;
  }

  async function tracked(
    issue: Issue,
    open: Map<number, boolean | null>,
    signal?: AbortSignal,
  ): Promise<TrackedItem> {
    const missing = misses(rule, issue);
    const login = issue.user?.login ?? null;
    return {
      ...{ id: String(issue.number), key: keyOf(issue.number), title: issue.title, body: issue.body ?? '' },
      ...{
        status: issue.state,
        url: issue.html_url,
        labels: labelsOf(issue),
        isOpen: issue.state === 'open',
      },
      mismatch: missing.length === 0 ? null : missing.join(', '),
      blockedBy: await blockersOf(issue, open, signal),
      author:
        issue.user == null
          ? null
          : {
              id: String(issue.user.id),
              name: issue.user.login,
              mayWrite: await client.mayWrite(at, login, issue.author_association ?? null, signal),
            },
      priority: priorityOf(labelsOf(issue), config.priorities),
      createdAt: Date.parse(issue.created_at),
      updatedAt: Date.parse(issue.updated_at),
    };
  }

  /** `open`: what is known of numbers already; null = nobody has it, and it blocks nothing. */
  async function blockersOf(issue: Issue, open: Map<number, boolean | null>, signal?: AbortSignal) {
    const blocking: { key: string; isOpen: boolean }[] = [];
    for (const number of issueNumbersIn(issue.body ?? '', project, at)) {
      if (number === issue.number) continue;
      if (!open.has(number)) {
        const found = await client.find(ISSUE, { ...repo, issue_number: number }, signal);
        open.set(number, found === null ? null : found.state === 'open');
      }
      const isOpen = open.get(number);
      if (typeof isOpen === 'boolean') blocking.push({ key: keyOf(number), isOpen });
    }
    return blocking;
  }

  async function setLabels(issue: Issue, status: ItemStatus, signal: AbortSignal): Promise<void> {
    const at = { ...repo, issue_number: issue.number };
    const wanted = config.states[status];
    const has = labelsOf(issue);
    // GitHub makes a label that is not there yet.
    if (wanted !== '' && !has.includes(wanted))
      await client.send(
        'POST /repos/{owner}/{repo}/issues/{issue_number}/labels',
        { ...at, labels: [wanted] },
        signal,
      );
    const stale = Object.values(config.states).filter(
      (name) => name !== '' && name !== wanted && has.includes(name),
    );
    for (const name of new Set(stale))
      await client
        .send('DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}', { ...at, name }, signal)
        .catch((error: unknown) => {
          if (!isStatus(error, 404)) throw error; // somebody was faster
        });
  }

  return {
    kind: 'github',
    item: (id, signal) =>
      asked(async () => {
        const found = await find(id, signal);
        return found === null ? null : tracked(found, new Map(), signal);
      }),
    comment: (id, body, by) => asked(() => threads.add(numberOf(id), body, by)),
    report: (id, body, { signal }) => asked(() => threads.keep(numberOf(id), REPORT, body, signal)),
    setStatus: (id, status, _stage, { signal }) =>
      asked(async () => {
        const found = await find(id, signal);
        if (found === null) throw gone(id);
        await setLabels(found, status, signal);
        if (status !== 'done' || !config.close_when_done || found.state === 'closed') return;
        const body = {
          ...repo,
          issue_number: found.number,
          state: 'closed',
          state_reason: 'completed',
        } as const;
        await client.send('PATCH /repos/{owner}/{repo}/issues/{issue_number}', body, signal);
      }),
    survey: async () => survey,
    feed: {
      rule: {
        text: words,
        fingerprint: JSON.stringify(['github', at.owner, at.name, rule.label, rule.assignee, rule.milestone]),
      },
      isAbout: (name) => isSameRepository(at, name),
      matching: (signal) =>
        asked(async () => {
          const issues = await openIssues(signal);
          const judged = issues.map((issue) => ({ issue, missing: misses(rule, issue) }));
          const fitting = judged.filter(({ missing }) => missing.length === 0).map(({ issue }) => issue);
          const near = judged
            .filter(({ missing }) => missing.length > 0)
            .toSorted(
              (a, b) =>
                a.missing.length - b.missing.length || b.issue.updated_at.localeCompare(a.issue.updated_at),
            );
          survey = {
            ...{ source, rule: words, lookedAt: clock(), seen: judged.length, matching: fitting.length },
            nearest: near
              .slice(0, NEAREST)
              .map(({ issue, missing }) => ({ key: keyOf(issue.number), why: missing.join(', ') })),
          };
          const open = new Map<number, boolean | null>(issues.map(({ number }) => [number, true]));
          const found: TrackedItem[] = [];
          for (const issue of fitting.toSorted((a, b) => a.number - b.number))
            found.push(await tracked(issue, open, signal));
          return found;
        }),
      comments: (id, since, signal) => asked(() => threads.ofOthers(numberOf(id), since, signal)),
    },
  };

  /** By creation, which nothing changes between two pages. Pull requests are issues to GitHub, not to us. */
  async function openIssues(signal: AbortSignal): Promise<Issue[]> {
    const params = { ...repo, state: 'open', sort: 'created', direction: 'asc' } as const;
    const all = await client.all('GET /repos/{owner}/{repo}/issues', params, (issues) => issues, signal);
    return [...new Map(all.map((issue) => [issue.number, issue])).values()].filter(
      ({ pull_request }) => pull_request == null,
    );
  }

  function gone(id: string): AppError {
    return new AppError(`GitHub has no issue ${at.owner}/${at.name}#${id}`, {
      code: 'tracker.refused',
      hint: 'orch outbox drop it: the issue is gone',
    });
  }
}

interface Rule {
  readonly label: string | null;
  readonly assignee: string | null;
  readonly milestone: string | null;
}

/** Why the rule does not admit it, one entry for each part; empty when it does. GitHub's names have no case. */
function misses({ label, assignee, milestone }: Rule, issue: Issue): string[] {
  const is = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  const assignees = issue.assignees ?? [];
  return [
    issue.state === 'open' ? [] : ['is closed'],
    label === null || labelsOf(issue).some((name) => is(name, label)) ? [] : [`label ${label} is missing`],
    assignee === null || assignees.some(({ login }) => is(login, assignee))
      ? []
      : [`is not assigned to ${assignee}`],
    milestone === null || issue.milestone?.title === milestone ? [] : [`is not in milestone ${milestone}`],
  ].flat();
}

function wordsOf({ label, assignee, milestone }: Rule): string {
  const parts = [
    label === null ? [] : [`the label ${label}`],
    assignee === null ? [] : [`the assignee ${assignee}`],
    milestone === null ? [] : [`the milestone ${milestone}`],
  ].flat();
  return `an open issue with ${parts.join(' and ')}`;
}

function labelsOf({ labels }: Issue): string[] {
  return labels.flatMap((label) => (typeof label === 'string' ? label : (label.name ?? [])));
}

function priorityOf(labels: readonly string[], priorities: Readonly<Record<string, number>>): number {
  const known = new Map(Object.entries(priorities).map(([name, value]) => [name.toLowerCase(), value]));
  const found = labels.flatMap((name) => known.get(name.toLowerCase()) ?? []);
  return found.length === 0 ? 0 : Math.max(...found);
}

function numberOf(id: string): number {
  if (/^[1-9]\d{0,8}$/.test(id)) return Number(id);
  throw new AppError(`${JSON.stringify(id)} is no number of an issue`, { code: 'tracker.refused' });
}

/** Errors as the port has them. A 404 is believed of what is in a repository only while that is visible. */
async function asking<T>(act: () => Promise<T>, { client, at }: GithubPlace): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const seen = await client.told(at, error);
    const failed = failedRequest(seen);
    throw failed === null ? seen : destinationError('tracker', failed);
  }
}
