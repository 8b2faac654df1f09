import { z } from 'zod';
import type { DestinationContext } from '../../clients/destination-context.ts';
import { failedRequest } from '../../clients/gitea/gitea-client.ts';
import { type GiteaPlace, giteaPlace, isStatus, repositoryTrouble } from '../../clients/gitea/gitea-place.ts';
import { type GiteaIssue, issue } from '../../clients/gitea/wire.ts';
import { isSameRepository } from '../../clients/repository-name.ts';
import { destinationError } from '../../core/destination-error.ts';
import { AppError } from '../../core/errors.ts';
import { path } from '../../lib/http-client.ts';
import type { ItemStatus, TrackedItem, Tracker } from '../tracker.ts';
import type { TrackerKind } from '../tracker-kind.ts';
import { createBlockers } from './blockers.ts';
import { setLabels } from './labels.ts';
import { type MatchRule, misses, priorityOf, ruleText } from './rule.ts';

const NEAREST = 3;
const REPORT = 'report';

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
    .prefault({
      'priority/critical': 100,
      'priority/urgent': 100,
      'priority/high': 50,
      'priority/medium': 0,
      'priority/low': -50,
    })
    .describe('Labels that say how urgent an issue is; the highest counts, capitals do not.'),
};

const schema = z.object(keys);

export const giteaTracker: TrackerKind = {
  kind: 'gitea',
  keys,
  needs: ['gitea_url', 'gitea_token'],
  check({ repo, label, assignee, milestone }, address) {
    const trouble = repositoryTrouble(repo, address);
    const found = trouble === null ? [] : [trouble];
    if (label !== undefined || assignee !== undefined || milestone !== undefined) return found;
    const problem = 'is missing: without a match rule every issue would be taken on';
    return [...found, { key: 'label', problem, fix: 'add label, assignee or milestone' }];
  },
  create(context) {
    const { repo } = schema.parse(context.config);
    return createGiteaTracker(context, giteaPlace(context, repo));
  },
};

function createGiteaTracker(context: DestinationContext, place: GiteaPlace): Tracker {
  const { at, client, threads, ownIds } = place;
  const { project, clock } = context;
  const config = schema.parse(context.config);
  const { states } = config;
  const rule: MatchRule = {
    label: config.label ?? null,
    assignee: config.assignee ?? null,
    milestone: config.milestone ?? null,
  };
  const issues = path`/repos/${at.owner}/${at.name}/issues`;
  const blockers = createBlockers(place, project, keyOf);
  const source = `Gitea ${at.owner}/${at.name}`;
  let survey = {
    ...{ source, rule: ruleText(rule), lookedAt: clock(), seen: 0, matching: 0 },
    nearest: [] as { key: string; why: string }[],
  };

  function keyOf(number: number): string {
    return `${project.toUpperCase()}-${number}`;
  }

  /** Null when it is certainly gone, and for a pull request, which is no item. */
  async function find(id: string, signal?: AbortSignal): Promise<GiteaIssue | null> {
    if (!/^[1-9]\d{0,15}$/.test(id)) return null;
    const end = signal === undefined ? {} : { signal };
    const found = await client.find(at, issue, { method: 'GET', path: `${issues}/${id}`, ...end });
    return found === null || found.pull_request != null ? null : found;
  }

  async function existing(id: string, signal: AbortSignal): Promise<GiteaIssue> {
    const found = await find(id, signal);
    if (found !== null) return found;
    throw new AppError(`Gitea has no issue ${at.owner}/${at.name}#${id}`, {
      code: 'tracker.refused',
      hint: 'orch outbox drop it: the issue is gone',
    });
  }

  async function tracked(
    found: GiteaIssue,
    open?: ReadonlySet<number>,
    signal?: AbortSignal,
  ): Promise<TrackedItem> {
    const author = found.user ?? null;
    const missing = misses(rule, found);
    return {
      ...{ id: String(found.number), key: keyOf(found.number), title: found.title, body: found.body },
      ...{ status: found.state, url: found.html_url === '' ? null : found.html_url },
      labels: found.labels.map(({ name }) => name),
      isOpen: found.state === 'open',
      mismatch: missing.length === 0 ? null : missing.join(', '),
      blockedBy: await blockers.of(found, open, signal),
      author: author && {
        id: String(author.id),
        name: author.login,
        mayWrite:
          (await ownIds(signal)).includes(author.id) || (await client.mayWrite(at, author.login, signal)),
      },
      priority: priorityOf(found, config.priorities),
      createdAt: found.created_at,
      updatedAt: found.updated_at,
    };
  }

  /** A 5xx that only this item gets: Gitea answers 500 for a comment on a number that is not there. */
  async function unlessGone(id: string, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (isStatus(error, 500)) await existing(id, signal);
      throw error;
    }
  }

  const asked = <T>(act: () => Promise<T>) => asking(act, place);

  return {
    kind: 'gitea',
    item: (id, signal) =>
      asked(async () => {
        const found = await find(id, signal);
        return found === null ? null : tracked(found, undefined, signal);
      }),
    comment: (id, body, by) =>
      asked(() => unlessGone(id, by.signal, () => threads.add(numberOf(id), body, by))),
    report: (id, body, { signal }) =>
      asked(() => unlessGone(id, signal, () => threads.keep(numberOf(id), REPORT, body, signal))),
    setStatus: (id, status, _stage, { signal }) =>
      asked(async () => {
        const found = await existing(id, signal);
        const own = Object.values(states).filter((name) => name !== '');
        const wanted = states[status] === '' ? [] : [states[status]];
        await setLabels(place, found, { own, wanted }, signal);
        if (!closes(status) || found.state === 'closed') return;
        await client.send({ method: 'PATCH', path: `${issues}/${id}`, body: { state: 'closed' }, signal });
      }),
    survey: async () => survey,
    feed: {
      rule: {
        text: ruleText(rule),
        fingerprint: JSON.stringify(['gitea', at.owner, at.name, rule.label, rule.assignee, rule.milestone]),
      },
      isAbout: (name) => isSameRepository(at, name),
      matching: (signal) =>
        asked(async () => {
          // Gitea's own filters pass over names they do not know without a word, so everything open is read.
          const query = { state: 'open', type: 'issues' };
          const open = await client.all(z.array(issue), (list) => list, {
            method: 'GET',
            path: issues,
            query,
            signal,
          });
          const judged = open
            .filter((each) => each.pull_request == null)
            .map((each) => ({ each, missing: misses(rule, each) }));
          const fitting = judged.filter(({ missing }) => missing.length === 0).map(({ each }) => each);
          const near = judged
            .filter(({ missing }) => missing.length > 0)
            .toSorted((a, b) => a.missing.length - b.missing.length || b.each.updated_at - a.each.updated_at);
          survey = {
            ...{
              source,
              rule: ruleText(rule),
              lookedAt: clock(),
              seen: judged.length,
              matching: fitting.length,
            },
            nearest: near.slice(0, NEAREST).map(({ each, missing }) => ({
              key: keyOf(each.number),
              why: missing.join(', '),
            })),
          };
          const numbers = new Set(judged.map(({ each }) => each.number));
          const found: TrackedItem[] = [];
          for (const each of fitting.toSorted((a, b) => a.number - b.number))
            found.push(await tracked(each, numbers, signal));
          return found;
        }),
      comments: (id, since, signal) => asked(() => threads.ofOthers(numberOf(id), since, signal)),
    },
  };

  function closes(status: ItemStatus): boolean {
    return status === 'done' && config.close_when_done;
  }
}

function numberOf(id: string): number {
  if (/^[1-9]\d{0,15}$/.test(id)) return Number(id);
  throw new AppError(`${JSON.stringify(id)} is no number of an issue`, { code: 'tracker.refused' });
}

/** Errors as the port has them. A 404 is believed of what is in a repository only while that is visible. */
async function asking<T>(act: () => Promise<T>, { client, at }: GiteaPlace): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const seen = await client.told(at, error);
    const failed = failedRequest(seen);
    throw failed === null ? seen : destinationError('tracker', failed);
  }
}
