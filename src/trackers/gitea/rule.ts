import type { GiteaIssue } from '../../clients/gitea/wire.ts';

/** What an issue has to have to be taken on; each part that is set. */
export interface MatchRule {
  readonly label: string | null;
  /** A login. */
  readonly assignee: string | null;
  /** Its title. */
  readonly milestone: string | null;
}

export function ruleText({ label, assignee, milestone }: MatchRule): string {
  const parts = [
    label === null ? [] : [`the label ${label}`],
    assignee === null ? [] : [`the assignee ${assignee}`],
    milestone === null ? [] : [`the milestone ${milestone}`],
  ].flat();
  return `an open issue with ${parts.join(' and ')}`;
}

/** Why the rule does not admit it, one entry for each part; empty when it does. */
export function misses(rule: MatchRule, issue: GiteaIssue): string[] {
  const { label, assignee, milestone } = rule;
  const is = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  return [
    issue.state === 'open' ? [] : ['is closed'],
    label === null || issue.labels.some(({ name }) => name === label) ? [] : [`label ${label} is missing`],
    assignee === null || issue.assignees.some(({ login }) => is(login, assignee))
      ? []
      : [`is not assigned to ${assignee}`],
    milestone === null || issue.milestone?.title === milestone ? [] : [`is not in milestone ${milestone}`],
  ].flat();
}

/** Highest of the labels that `priorities` knows, in any case (`Priority/High`); 0 when it knows none. */
export function priorityOf(issue: GiteaIssue, priorities: Readonly<Record<string, number>>): number {
  const known = new Map(Object.entries(priorities).map(([name, value]) => [name.toLowerCase(), value]));
  const found = issue.labels.flatMap(({ name }) => known.get(name.toLowerCase()) ?? []);
  return found.length === 0 ? 0 : Math.max(...found);
}
