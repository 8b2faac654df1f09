import { z } from 'zod';
import { repositoryTrouble } from '../clients/repository-name.ts';
import type { KeyTrouble } from '../core/destination-kind.ts';
import type { Survey } from '../core/explain.ts';

const NEAREST = 3;

const stateLabel = (value: string, when: string) =>
  z
    .string()
    .max(50)
    .default(value)
    .describe(`Label of an issue ${when}; empty for none. It is created when it is not there.`);

/** What orch.yaml says under the `tracker` of a repository's issues; `priorities` are the labels that its vendor proposes. */
export const issueKeys = (priorities: Readonly<Record<string, number>>) => ({
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
    .prefault(priorities)
    .describe('Labels that say how urgent an issue is; the highest counts, capitals do not.'),
});

export type IssueConfig = z.output<z.ZodObject<ReturnType<typeof issueKeys>>>;

/** What is wrong with these keys together, or with the git address beside them. */
export function issueTroubles(
  { repo, label, assignee, milestone }: Readonly<Record<string, unknown>>,
  address: string,
): KeyTrouble[] {
  const trouble = repositoryTrouble(repo, address);
  const found = trouble === null ? [] : [trouble];
  if (label !== undefined || assignee !== undefined || milestone !== undefined) return found;
  const problem = 'is missing: without a match rule every issue would be taken on';
  return [...found, { key: 'label', problem, fix: 'add label, assignee or milestone' }];
}

/** What an issue has to have to be taken on; each part that is set. */
export type MatchRule = Pick<IssueConfig, 'label' | 'assignee' | 'milestone'>;

/** An issue, as far as a rule asks. */
export interface RuledIssue {
  readonly number: number;
  readonly isOpen: boolean;
  readonly labels: readonly { readonly name: string }[];
  /** Logins. */
  readonly assignees: readonly string[];
  readonly milestone: string | null;
  readonly updatedAt: number;
}

export function ruleText({ label, assignee, milestone }: MatchRule): string {
  const parts = [
    label === undefined ? [] : [`the label ${label}`],
    assignee === undefined ? [] : [`the assignee ${assignee}`],
    milestone === undefined ? [] : [`the milestone ${milestone}`],
  ].flat();
  return `an open issue with ${parts.join(' and ')}`;
}

const inAnyCase = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/**
 * Why the rule does not admit it, one entry for each part; empty when it does. Whether two labels may differ in case
 * alone is the vendor's.
 */
export function misses(
  { label, assignee, milestone }: MatchRule,
  issue: RuledIssue,
  labelsHaveCase: boolean,
): string[] {
  const isLabel = ({ name }: { name: string }) =>
    name === label || (!labelsHaveCase && inAnyCase(name, label ?? ''));
  return [
    issue.isOpen ? [] : ['is closed'],
    label === undefined || issue.labels.some(isLabel) ? [] : [`label ${label} is missing`],
    assignee === undefined || issue.assignees.some((login) => inAnyCase(login, assignee))
      ? []
      : [`is not assigned to ${assignee}`],
    milestone === undefined || issue.milestone === milestone ? [] : [`is not in milestone ${milestone}`],
  ].flat();
}

/** Highest of the labels that `priorities` knows, in any case (`Priority/High`); 0 when it knows none. */
export function priorityOf({ labels }: RuledIssue, priorities: Readonly<Record<string, number>>): number {
  const known = new Map(Object.entries(priorities).map(([name, value]) => [name.toLowerCase(), value]));
  const found = labels.flatMap(({ name }) => known.get(name.toLowerCase()) ?? []);
  return found.length === 0 ? 0 : Math.max(...found);
}

export interface JudgedIssue {
  readonly issue: RuledIssue;
  /** What `misses` said of it. */
  readonly missing: readonly string[];
}

/** The issues that lack least, the ones changed last first. */
export function nearest(
  judged: readonly JudgedIssue[],
  keyOf: (number: number) => string,
): Survey['nearest'] {
  return judged
    .filter(({ missing }) => missing.length > 0)
    .toSorted((a, b) => a.missing.length - b.missing.length || b.issue.updatedAt - a.issue.updatedAt)
    .slice(0, NEAREST)
    .map(({ issue, missing }) => ({ key: keyOf(issue.number), why: missing.join(', ') }));
}
