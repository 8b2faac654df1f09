import type { GiteaIssue } from '../../clients/gitea/wire.ts';
import { isSameRepository, type RepositoryName } from '../../clients/repository-name.ts';

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

/** A line that begins with these words, then numbers: `Depends on #12, #14`. */
const BLOCKERS = /^[\s*+-]*(?:depends on|blocked by)\b:?\s*((?:[\w./-]*#\d+(?:\s*(?:,|and|&)\s*)?)+)/gim;
const CODE = /^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?(?:^ {0,3}\1[^\n]*$|$(?![\s\S]))/gm;

/** Numbers of the issues in this repository that the text says it depends on; not from code or quotes. */
export function blockersIn(text: string, at: RepositoryName): number[] {
  const plain = text.replaceAll('\r\n', '\n').replaceAll(CODE, '');
  const found = new Set<number>();
  for (const [, list = ''] of plain.matchAll(BLOCKERS))
    for (const [, place = '', number = ''] of list.matchAll(/([\w./-]*)#(\d+)/g))
      if (place === '' || isSameRepository(at, place)) found.add(Number(number));
  return [...found];
}
