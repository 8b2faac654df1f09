import type { PlaneClient } from '../../clients/plane/plane-client.ts';
import { nameOf, type PlaneDirectory } from '../../clients/plane/plane-directory.ts';
import type { PlaneItem, PlaneMember, PlaneProject, PlaneState } from '../../clients/plane/plane-types.ts';
import { AppError } from '../../core/errors.ts';
import type { Survey } from '../../core/explain.ts';
import type { Clock } from '../../lib/clock.ts';
import { HttpError } from '../../lib/http-client.ts';
import { dependenciesIn } from '../dependency-lines.ts';
import type { TrackedItem } from '../tracker.ts';
import { toMarkdown } from './markup.ts';

/** By name, as people wrote it in orch.yaml; null asks for nothing. */
export interface PlaneRule {
  readonly label: string | null;
  readonly state: string | null;
  readonly assignee: string | null;
  /** States that Orch itself moves an item to: by them an item that was taken on does not leave the rule. */
  readonly own: { readonly inProgress: string | null; readonly needsYou: string | null };
}

/** One project of Plane, seen through a match rule. Methods throw as the client's, and `tracker.refused`. */
export interface PlaneProjectView {
  here(signal?: AbortSignal): Promise<PlaneProject>;
  tracked(item: PlaneItem, signal?: AbortSignal): Promise<TrackedItem>;
  matching(signal: AbortSignal): Promise<TrackedItem[]>;
  /** Id of the state with this name, else of the group's first; null = there is nothing to move to. */
  stateFor(group: string | null, name: string | null, signal: AbortSignal): Promise<string | null>;
  /** Names of people by id, asked anew when this one is unknown. */
  names(personId: string | null, signal: AbortSignal): Promise<(personId: string) => string | null>;
  survey(): Pick<Survey, 'lookedAt' | 'seen' | 'matching' | 'nearest'>;
  isAbout(place: string): boolean;
}

const NEAREST = 3;
const PRIORITIES: Readonly<Record<string, number>> = { urgent: 100, high: 60, medium: 30, low: -30 };
const CLOSED: readonly string[] = ['completed', 'cancelled'];

export function createPlaneProject(
  plane: {
    readonly client: PlaneClient;
    readonly directory: PlaneDirectory;
    readonly url: string;
    readonly workspace: string;
  },
  named: string,
  rule: PlaneRule,
  clock: Clock,
): PlaneProjectView {
  const { client, directory } = plane;
  const web = `${plane.url.replace(/^https:\/\/api\.plane\.so$/, 'https://app.plane.so')}/${encodeURIComponent(plane.workspace)}`;
  let survey: ReturnType<PlaneProjectView['survey']> = { lookedAt: 0, seen: 0, matching: 0, nearest: [] };

  async function here(signal?: AbortSignal): Promise<PlaneProject> {
    const found = await directory.project(named, signal);
    if (found !== null) return found;
    const all = (await directory.projects(signal)).map(({ identifier }) => identifier);
    throw new AppError(`Plane has no project ${named}`, {
      code: 'tracker.refused',
      hint:
        all.length === 0
          ? 'the account of the key is a member of no project: add it in Plane'
          : `set tracker.project to one of ${all.slice(0, 20).join(', ')}`,
    });
  }

  const isAssignee = ({ id, display_name, email }: PlaneMember) =>
    [id, display_name, email].some((name) => name?.toLowerCase() === rule.assignee?.toLowerCase());

  /** Names of what items refer to by id, asked anew when one of them is unknown. */
  async function glossary(project: PlaneProject, items: readonly PlaneItem[], signal?: AbortSignal) {
    const labelIds = new Set(items.flatMap((item) => item.labels));
    const stateIds = new Set(items.flatMap((item) => item.state ?? []));
    const knowsAll = (ids: ReadonlySet<string>) => (known: readonly { readonly id: string }[]) => {
      const have = new Set(known.map(({ id }) => id));
      return [...ids].every((id) => have.has(id));
    };
    const hasName = (name: string) => (known: readonly { readonly id: string; readonly name: string }[]) =>
      byName(known, name) !== undefined;
    const states = await directory.states(
      project.id,
      (known) => knowsAll(stateIds)(known) && (rule.state === null || hasName(rule.state)(known)),
      signal,
    );
    const labels = await directory.labels(
      project.id,
      (known) => knowsAll(labelIds)(known) && (rule.label === null || hasName(rule.label)(known)),
      signal,
    );
    const people =
      rule.assignee === null
        ? []
        : await directory.members(project.id, (known) => known.some(isAssignee), signal);
    return {
      project,
      states: new Map(states.map((state) => [state.id, state])),
      labels: new Map(labels.map((label) => [label.id, label.name])),
      wanted: {
        label: rule.label === null ? null : (byName(labels, rule.label)?.id ?? 'none'),
        state: rule.state === null ? null : (byName(states, rule.state)?.id ?? 'none'),
        assignee: rule.assignee === null ? null : (people.find(isAssignee)?.id ?? 'none'),
      },
      own: new Set([
        ...[
          rule.own.inProgress === null ? firstOf('started', states) : byName(states, rule.own.inProgress),
          rule.own.needsYou === null ? undefined : byName(states, rule.own.needsYou),
        ].flatMap((state) => state?.id ?? []),
      ]),
    };
  }
  type Glossary = Awaited<ReturnType<typeof glossary>>;

  function mismatchOf(
    item: PlaneItem,
    { states, wanted }: Glossary,
    own: ReadonlySet<string>,
  ): string | null {
    const state = item.state === null ? undefined : states.get(item.state);
    if (state !== undefined && CLOSED.includes(state.group)) return `is ${state.name}`;
    if (item.archived_at != null) return 'is archived';
    if (item.is_draft === true) return 'is a draft';
    if (state?.group === 'triage') return 'waits in intake';
    if (wanted.label !== null && !item.labels.includes(wanted.label)) return `label ${rule.label} is missing`;
    if (wanted.assignee !== null && !item.assignees.includes(wanted.assignee))
      return `is not assigned to ${rule.assignee}`;
    if (wanted.state !== null && item.state !== wanted.state && !own.has(item.state ?? ''))
      return `is ${state?.name ?? 'without a state'}, not ${rule.state}`;
    return null;
  }

  function asTracked(
    item: PlaneItem,
    glossary: Glossary,
    own: ReadonlySet<string>,
    blockedBy: TrackedItem['blockedBy'],
  ): TrackedItem {
    const { project, states, labels } = glossary;
    const state = item.state === null ? undefined : states.get(item.state);
    return {
      id: item.id,
      key: `${project.identifier}-${item.sequence_id}`,
      title: item.name,
      body: toMarkdown(item.description_html ?? ''),
      status: state?.name ?? 'none',
      url: `${web}/projects/${project.id}/issues/${item.id}`,
      labels: item.labels.flatMap((id) => labels.get(id) ?? []),
      isOpen: isOpen(item, state),
      mismatch: mismatchOf(item, glossary, own),
      blockedBy,
      // Whoever has a key may name any creator: Plane cannot tell who wrote an item.
      author: null,
      priority: PRIORITIES[item.priority ?? ''] ?? 0,
      createdAt: Date.parse(item.created_at),
      updatedAt: Date.parse(item.updated_at),
    };
  }

  /** Items that the description names as needed first. What does not exist blocks nothing. */
  async function blockersOf(
    item: PlaneItem,
    project: PlaneProject,
    found: Map<string, boolean | null>,
    signal?: AbortSignal,
  ): Promise<TrackedItem['blockedBy']> {
    const keys = dependenciesIn(toMarkdown(item.description_html ?? '')).filter(
      (key) => key !== `${project.identifier}-${item.sequence_id}`.toUpperCase(),
    );
    const blocking: { key: string; isOpen: boolean }[] = [];
    for (const key of keys) {
      if (!found.has(key)) found.set(key, await isOpenByKey(key, signal));
      const open = found.get(key);
      if (typeof open === 'boolean') blocking.push({ key, isOpen: open });
    }
    return blocking;
  }

  async function isOpenByKey(key: string, signal?: AbortSignal): Promise<boolean | null> {
    const [identifier = '', number = ''] = key.split('-');
    const all = await directory.projects(signal);
    const project = all.find((each) => each.identifier.toUpperCase() === identifier);
    if (project === undefined) return null;
    try {
      const item = await client.itemByKey(project.identifier, Number(number), signal);
      const states = await directory.states(
        project.id,
        (known) => known.some(({ id }) => id === item.state),
        signal,
      );
      return isOpen(
        item,
        states.find(({ id }) => id === item.state),
      );
    } catch (error) {
      if (error instanceof HttpError && error.status === 404) return null;
      throw error;
    }
  }

  return {
    here,
    async tracked(item, signal) {
      const project = await here(signal);
      const words = await glossary(project, [item], signal);
      return asTracked(item, words, words.own, await blockersOf(item, project, new Map(), signal));
    },
    async matching(signal) {
      const project = await here(signal);
      const items = await client.items(project.id, signal);
      const words = await glossary(project, items, signal);
      // Only the state asked for admits an item; one that Orch moved on was admitted before.
      const judged = items.map((item) => ({ item, mismatch: mismatchOf(item, words, new Set()) }));
      const known = new Map<string, boolean | null>(
        items.map((item) => [
          `${project.identifier}-${item.sequence_id}`.toUpperCase(),
          isOpen(item, words.states.get(item.state ?? '')),
        ]),
      );
      const matching: TrackedItem[] = [];
      for (const { item, mismatch } of judged)
        if (mismatch === null)
          matching.push(asTracked(item, words, new Set(), await blockersOf(item, project, known, signal)));
      survey = {
        lookedAt: clock(),
        seen: items.length,
        matching: matching.length,
        nearest: judged
          .filter(({ item }) => isOpen(item, words.states.get(item.state ?? '')))
          .flatMap(({ item, mismatch }) =>
            mismatch === null
              ? []
              : [{ at: item.updated_at, key: `${project.identifier}-${item.sequence_id}`, why: mismatch }],
          )
          .toSorted((a, b) => b.at.localeCompare(a.at))
          .slice(0, NEAREST)
          .map(({ key, why }) => ({ key, why })),
      };
      return matching.toSorted((a, b) => a.createdAt - b.createdAt);
    },
    async stateFor(group, name, signal) {
      if (group === null && name === null) return null;
      const project = await here(signal);
      const states = await directory.states(
        project.id,
        (known) => name === null || byName(known, name) !== undefined,
        signal,
      );
      const state = name === null ? firstOf(group ?? '', states) : byName(states, name);
      if (state !== undefined) return state.id;
      throw new AppError(
        name === null
          ? `${project.identifier} has no state of the group ${group}`
          : `${project.identifier} has no state ${name}`,
        {
          code: 'tracker.refused',
          hint: `name one of ${states.map((each) => each.name).join(', ')} under tracker.states`,
        },
      );
    },
    async names(personId, signal) {
      const project = await here(signal);
      const members = await directory.members(
        project.id,
        (known) => personId === null || known.some(({ id }) => id === personId),
        signal,
      );
      const byId = new Map(members.map((member) => [member.id, nameOf(member)]));
      return (id) => byId.get(id) ?? null;
    },
    survey: () => survey,
    isAbout(place) {
      const known = directory.knownProject(named);
      // A delivery that names only the workspace, and one that comes before the first look, may be ours.
      return known === null || place === known.id || place === (known.workspace ?? null);
    },
  };
}

function isOpen(item: PlaneItem, state: PlaneState | undefined): boolean {
  return item.archived_at == null && !CLOSED.includes(state?.group ?? '');
}

/** The exact name, else the same in other letters. */
function byName<T extends { readonly name: string }>(all: readonly T[], name: string): T | undefined {
  return (
    all.find((each) => each.name === name) ??
    all.find((each) => each.name.toLowerCase() === name.toLowerCase())
  );
}

function firstOf(group: string, states: readonly PlaneState[]): PlaneState | undefined {
  return states
    .filter((state) => state.group === group)
    .toSorted((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0))[0];
}
