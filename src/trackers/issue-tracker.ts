import type { DestinationContext } from '../clients/destination-context.ts';
import type { Place } from '../clients/place.ts';
import { isSameRepository } from '../clients/repository-name.ts';
import type { Author } from '../clients/threads.ts';
import { askDestination } from '../core/destination-error.ts';
import { AppError } from '../core/errors.ts';
import { isStatus } from '../lib/http-client.ts';
import { issueNumbersIn } from './dependency-lines.ts';
import {
  type IssueConfig,
  type JudgedIssue,
  misses,
  nearest,
  priorityOf,
  type RuledIssue,
  ruleText,
} from './issue-rule.ts';
import type { ItemStatus, TrackedItem, Tracker } from './tracker.ts';

const REPORT = 'report';

export interface Issue extends RuledIssue {
  readonly title: string;
  readonly body: string;
  readonly state: string;
  readonly url: string | null;
  readonly labels: readonly IssueLabel[];
  /** To Gitea and GitHub a pull request is an issue as well. */
  readonly isPull: boolean;
  /** Null: somebody who is gone. */
  readonly author: Author | null;
  readonly createdAt: number;
}

export interface IssueLabel {
  readonly id?: number;
  readonly name: string;
}

/** How a vendor is asked about the issues of one repository. */
export interface IssueSource {
  readonly place: Place<unknown>;
  readonly labelsHaveCase: boolean;
  /** Null: it is certainly gone. Pull requests too. */
  find(number: number, signal?: AbortSignal): Promise<Issue | null>;
  /** All that are open, over all pages. Pull requests too. */
  open(signal: AbortSignal): Promise<readonly Issue[]>;
  /** What the vendor itself knows of what has to be done first. */
  dependencies?(number: number, keyOf: KeyOf, signal?: AbortSignal): Promise<TrackedItem['blockedBy']>;
  /** Makes the label when it is not there. */
  addLabel(number: number, name: string, signal: AbortSignal): Promise<unknown>;
  removeLabel(number: number, label: IssueLabel, signal: AbortSignal): Promise<unknown>;
  close(number: number, signal: AbortSignal): Promise<unknown>;
}

export type KeyOf = (number: number) => string;

/** The issues of a repository as work items, the same for every vendor that keeps them beside its code. */
export function createIssueTracker(
  { project, clock }: DestinationContext,
  config: IssueConfig,
  source: IssueSource,
): Tracker {
  const { kind, vendor, at, threads, mayWrite, ownIds, failed } = source.place;
  const { label, assignee, milestone, states } = config;
  const rule = ruleText(config);
  const keyOf: KeyOf = (number) => `${project.toUpperCase()}-${number}`;
  const asked = <T>(act: () => Promise<T>) => askDestination('tracker', act, failed);
  const missing = (issue: Issue) => misses(config, issue, source.labelsHaveCase);
  const surveyOf = (judged: readonly JudgedIssue[]) => ({
    ...{ source: `${vendor} ${at.owner}/${at.name}`, rule, lookedAt: clock(), seen: judged.length },
    matching: judged.filter((each) => each.missing.length === 0).length,
    nearest: nearest(judged, keyOf),
  });
  let survey = surveyOf([]);

  async function find(id: string, signal?: AbortSignal): Promise<Issue | null> {
    const number = numberIn(id);
    const found = number === null ? null : await source.find(number, signal);
    return found?.isPull === true ? null : found;
  }

  async function tracked(
    issue: Issue,
    known: Map<number, boolean | null>,
    signal?: AbortSignal,
  ): Promise<TrackedItem> {
    const { number, title, body, state, url, labels, isOpen, author, createdAt, updatedAt } = issue;
    return {
      ...{ id: String(number), key: keyOf(number), title, body, status: state, url, isOpen },
      labels: labels.map(({ name }) => name),
      mismatch: missing(issue).join(', ') || null,
      blockedBy: await blockersOf(issue, known, signal),
      author: author && {
        ...{ id: author.id, name: author.login },
        mayWrite: (await ownIds(signal)).includes(author.id) || (await mayWrite(author, signal)),
      },
      priority: priorityOf(issue, config.priorities),
      ...{ createdAt, updatedAt },
    };
  }

  /** `known`: which numbers are open, as far as it was asked; null = nobody has it. */
  async function blockersOf(
    { number: own, body }: Issue,
    known: Map<number, boolean | null>,
    signal?: AbortSignal,
  ): Promise<TrackedItem['blockedBy']> {
    const told = (await source.dependencies?.(own, keyOf, signal)) ?? [];
    const blockers = new Map(told.map((each) => [each.key, each]));
    for (const number of issueNumbersIn(body, project, at)) {
      const key = keyOf(number);
      if (number === own || blockers.has(key)) continue;
      if (!known.has(number)) known.set(number, (await source.find(number, signal))?.isOpen ?? null);
      const isOpen = known.get(number) ?? null;
      // A number that nobody has is a slip of the pen, and would hold the issue for ever.
      if (isOpen !== null) blockers.set(key, { key, isOpen });
    }
    return [...blockers.values()];
  }

  /** Takes away what an earlier state left, and puts the new one on; labels of others stay as they are. */
  async function setLabel({ number, labels }: Issue, status: ItemStatus, signal: AbortSignal): Promise<void> {
    const wanted = states[status];
    if (wanted !== '' && !labels.some(({ name }) => name === wanted))
      await source.addLabel(number, wanted, signal);
    const own = Object.values(states).filter((name) => name !== '' && name !== wanted);
    for (const each of labels.filter(({ name }) => own.includes(name)))
      await source.removeLabel(number, each, signal).catch((error: unknown) => {
        if (!isStatus(error, 404)) throw error; // somebody was faster
      });
  }

  return {
    kind,
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
        if (found === null)
          throw new AppError(`${vendor} has no issue ${at.owner}/${at.name}#${id}`, {
            code: 'tracker.refused',
            hint: 'orch outbox drop it: the issue is gone',
          });
        await setLabel(found, status, signal);
        if (status === 'done' && config.close_when_done && found.isOpen)
          await source.close(found.number, signal);
      }),
    survey: async () => survey,
    feed: {
      rule: {
        text: rule,
        fingerprint: JSON.stringify([kind, at.owner, at.name, label, assignee, milestone]),
      },
      isAbout: (name) => isSameRepository(at, name),
      matching: (signal) =>
        asked(async () => {
          const open = await source.open(signal);
          const issues = open.filter(({ isPull }) => !isPull).toSorted((a, b) => a.number - b.number);
          const judged = issues.map((issue) => ({ issue, missing: missing(issue) }));
          survey = surveyOf(judged);
          const known = new Map<number, boolean | null>(open.map(({ number }) => [number, true]));
          const found: TrackedItem[] = [];
          for (const each of judged)
            if (each.missing.length === 0) found.push(await tracked(each.issue, known, signal));
          return found;
        }),
      comments: (id, since, signal) => asked(() => threads.ofOthers(numberOf(id), since, signal)),
    },
  };
}

function numberIn(id: string): number | null {
  return /^[1-9]\d{0,8}$/.test(id) ? Number(id) : null;
}

function numberOf(id: string): number {
  const number = numberIn(id);
  if (number !== null) return number;
  throw new AppError(`${JSON.stringify(id)} is no number of an issue`, { code: 'tracker.refused' });
}
