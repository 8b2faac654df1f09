import type { Clock } from '../../lib/clock.ts';
import { HttpError } from '../../lib/http-client.ts';
import type { PlaneClient } from './plane-client.ts';
import type { PlaneLabel, PlaneMember, PlaneProject, PlaneState } from './plane-types.ts';

/** Names and ids change seldom, requests are few: what is known stays for so long. */
const KEPT_MS = 10 * 60_000;
/** What is not found is asked for anew, but not more often than so. */
const ASKED_AGAIN_MS = 30_000;

/** Roles from here on may write; a guest (5) and an old "viewer" (10) may not. */
const MEMBER_ROLE = 15;

/** What Plane calls things and who is who, remembered; a miss asks again. Methods throw as the client's. */
export interface PlaneDirectory {
  me(signal?: AbortSignal): Promise<PlaneMember>;
  /** By identifier (`WID`, any case), id or name. */
  project(named: string, signal?: AbortSignal): Promise<PlaneProject | null>;
  projects(signal?: AbortSignal): Promise<readonly PlaneProject[]>;
  /** What is known already, without asking. */
  knownProject(named: string): PlaneProject | null;
  states(
    projectId: string,
    isEnough: Known<PlaneState>,
    signal?: AbortSignal,
  ): Promise<readonly PlaneState[]>;
  labels(
    projectId: string,
    isEnough: Known<PlaneLabel>,
    signal?: AbortSignal,
  ): Promise<readonly PlaneLabel[]>;
  members(
    projectId: string,
    isEnough: Known<PlaneMember>,
    signal?: AbortSignal,
  ): Promise<readonly PlaneMember[]>;
  /**
   * Whether a person may write in the project: a member of it, who is not known to be a guest. Versions that
   * tell no roles leave it at the membership.
   */
  mayWrite(projectId: string, personId: string, signal?: AbortSignal): Promise<boolean>;
}

/** Whether what is known is enough; when not, Plane is asked anew. */
type Known<T> = (entries: readonly T[]) => boolean;

export function createPlaneDirectory(client: PlaneClient, clock: Clock): PlaneDirectory {
  const lists = new Map<string, { readonly at: number; readonly entries: readonly unknown[] }>();

  async function kept<T>(
    name: string,
    ask: () => Promise<readonly T[]>,
    isEnough: Known<T>,
  ): Promise<readonly T[]> {
    const known = lists.get(name) as { at: number; entries: readonly T[] } | undefined;
    if (known !== undefined) {
      const ageMs = clock() - known.at;
      if (ageMs < KEPT_MS && (isEnough(known.entries) || ageMs < ASKED_AGAIN_MS)) return known.entries;
    }
    const entries = await ask();
    lists.set(name, { at: clock(), entries });
    return entries;
  }

  const isProject =
    (named: string) =>
    ({ id, identifier, name }: PlaneProject) =>
      id === named || identifier.toUpperCase() === named.toUpperCase() || name === named;
  const members = (projectId: string, isEnough: Known<PlaneMember>, signal?: AbortSignal) =>
    kept(`members ${projectId}`, () => client.members(projectId, signal), isEnough);

  /** Nobody, where the key may not ask or the version does not know the question. */
  async function askedForAll(signal: AbortSignal | undefined): Promise<readonly PlaneMember[]> {
    try {
      return await client.workspaceMembers(signal);
    } catch (error) {
      if (error instanceof HttpError && (error.status === 403 || error.status === 404)) return [];
      throw error;
    }
  }

  return {
    async me(signal) {
      const [me] = await kept(
        'me',
        async () => [await client.me(signal)],
        () => true,
      );
      if (me === undefined) throw new Error('Plane did not say who Orch is');
      return me;
    },
    async project(named, signal) {
      const all = await kept(
        'projects',
        () => client.projects(signal),
        (known) => known.some(isProject(named)),
      );
      return all.find(isProject(named)) ?? null;
    },
    projects: (signal) =>
      kept(
        'projects',
        () => client.projects(signal),
        () => true,
      ),
    knownProject(named) {
      const known = lists.get('projects')?.entries as readonly PlaneProject[] | undefined;
      return known?.find(isProject(named)) ?? null;
    },
    states: (projectId, isEnough, signal) =>
      kept(`states ${projectId}`, () => client.states(projectId, signal), isEnough),
    labels: (projectId, isEnough, signal) =>
      kept(`labels ${projectId}`, () => client.labels(projectId, signal), isEnough),
    members,
    async mayWrite(projectId, personId, signal) {
      const has = (entries: readonly { readonly id: string }[]) => entries.some(({ id }) => id === personId);
      const member = (await members(projectId, has, signal)).find(({ id }) => id === personId);
      if (member === undefined) return false;
      if (typeof member.role === 'number') return member.role >= MEMBER_ROLE;
      const everybody = await kept('workspace members', () => askedForAll(signal), has);
      const role = everybody.find(({ id }) => id === personId)?.role;
      return typeof role !== 'number' || role >= MEMBER_ROLE;
    },
  };
}

export function nameOf({ id, display_name, email }: PlaneMember): string {
  return display_name || email || id;
}
