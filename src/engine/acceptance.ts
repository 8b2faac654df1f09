import { AppError } from '../core/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/store.ts';
import type { TrackedItem, TrackerFeed } from '../trackers/tracker.ts';
import type { Actor } from './intake.ts';
import type { Runtime, RuntimeProject } from './runtime.ts';

/** What a project's tracker holds for it. */
export interface IntakeView {
  readonly project: string;
  readonly tracker: string;
  readonly rule: string;
  /** A person let the items of this rule in: what is new is taken on by itself. */
  readonly isAccepted: boolean;
  /** Items that match and were not taken on, oldest first: to be let in, or left out before. */
  readonly outside: readonly TrackedItem[];
  /** Matching items that are tasks by now. */
  readonly taken: number;
}

/**
 * Nothing comes in from a new tracker, or by another rule, before a person has seen what that would be: a wrong
 * rule would start agents on a whole backlog.
 */
export function createAcceptance(parts: {
  readonly store: Store;
  readonly runtime: () => Runtime;
  readonly accepted: (project: string) => void;
  readonly clock: Clock;
}) {
  const { store } = parts;

  function fed(key: string): RuntimeProject & { tracker: { feed: TrackerFeed } } {
    const project = parts.runtime().projects.get(key);
    if (project === undefined)
      throw new AppError(`there is no project ${key}`, {
        code: 'project.unknown',
        hint: `one of ${[...parts.runtime().projects.keys()].join(', ')}`,
      });
    if (hasFeed(project)) return project;
    throw new AppError(`items of ${key} come by hand: its tracker is ${project.tracker.kind}`, {
      code: 'usage.no_feed',
      hint: `orch submit --project ${key}, or set projects.${key}.tracker in orch.yaml`,
    });
  }

  /** Asks the tracker anew. */
  async function view(key: string): Promise<IntakeView> {
    const { tracker } = fed(key);
    const { feed } = tracker;
    const items = await feed.matching(AbortSignal.timeout(LOOK_LIMIT_MS));
    const outside: TrackedItem[] = [];
    for (const item of items) if ((await store.feedOf(key, item.id)) === null) outside.push(item);
    const isAccepted = (await store.intake(key))?.fingerprint === feed.rule.fingerprint;
    return {
      ...{ project: key, tracker: tracker.kind, rule: feed.rule.text, isAccepted, outside },
      taken: items.length - outside.length,
    };
  }

  function all(): Promise<IntakeView[]> {
    const fedOnes = [...parts.runtime().projects].filter(([, project]) => hasFeed(project));
    return Promise.all(fedOnes.map(([key]) => view(key)));
  }

  async function onlyOne(): Promise<string> {
    const waiting = (await all()).filter(({ isAccepted, outside }) => !isAccepted || outside.length > 0);
    const [one] = waiting;
    if (one !== undefined && waiting.length === 1) return one.project;
    const names = waiting.map((each) => each.project).join(', ');
    throw new AppError(
      one === undefined ? 'nothing waits to be let in' : `the items of ${names} wait to be let in`,
      {
        code: 'usage.project',
        hint: one === undefined ? 'orch intake' : `orch intake accept --project ${one.project}`,
      },
    );
  }

  return {
    /** Of all projects whose items come from a tracker, or of one. */
    async list(only: string | null): Promise<IntakeView[]> {
      if (only !== null) return [await view(only)];
      const keys = [...parts.runtime().projects]
        .filter(([, project]) => hasFeed(project))
        .map(([key]) => key);
      return Promise.all(keys.map(view));
    },
    /**
     * Lets in what matches now, or the `first` oldest of it, and from now on everything new. What matches now and
     * is not among the first stays out until it is accepted too. No project named: the only one that waits.
     */
    async accept(project: string | null, first: number | null, actor: Actor) {
      const key = project ?? (await onlyOne());
      const { feed } = fed(key).tracker;
      const { outside } = await view(key);
      const admitted = first === null ? outside : outside.slice(0, first);
      const leftOut = outside.slice(admitted.length);
      await store.acceptIntake(
        key,
        { fingerprint: feed.rule.fingerprint, leftOut: leftOut.map(({ id }) => id) },
        {
          ...{ by: actor.by, surface: actor.surface, at: parts.clock() },
          ...{ action: 'intake.accept', target: `${key}: ${feed.rule.text} (${admitted.length} items)` },
        },
      );
      parts.accepted(key);
      return { project: key, admitted, leftOut, rule: feed.rule.text };
    },
  };
}

/** A person waits. */
const LOOK_LIMIT_MS = 60_000;

function hasFeed(project: RuntimeProject): project is RuntimeProject & { tracker: { feed: TrackerFeed } } {
  return project.tracker.feed !== null;
}
