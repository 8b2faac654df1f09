import { isNews, isOfOneJob, type Matter, type NotifyEvent } from './matter.ts';

const MINUTE_MS = 60_000;
/** Siblings of one cause are collected for this long before its first message. */
export const COLLECT_MS = 20_000;
/** A change after this time is told in a new message: the old one is far up in the chat. */
export const RETELL_MS = 4 * 60 * MINUTE_MS;
/** Ends of incidents that lasted longer are heard, not only seen. */
export const HEARD_AFTER_MS = 10 * MINUTE_MS;
/** So many new incidents in a window get a message each; those beyond share one. */
export const MAX_NEW = 6;
export const WINDOW_MS = 10 * MINUTE_MS;
/** What is hidden behind something else, or kept back without a known end, is looked at again. */
const LOOK_AGAIN_MS = MINUTE_MS;

export type Way = 'on' | 'digest' | 'off';

/** What one channel is to be told. */
export interface ChannelRules {
  readonly events: Readonly<Record<NotifyEvent, Way>>;
  /** The quiet time that an instant lies in; `until` null = it goes on and on. */
  readonly quiet: (now: number) => { readonly until: number | null } | null;
  /** Null: every project. */
  readonly projects: readonly string[] | null;
  /** Many new incidents share one message. */
  readonly bundles: boolean;
}

export const DEFAULT_RULES: ChannelRules = {
  events: {
    ...{ needs_you: 'on', approval: 'on', out_of_retries: 'on', question: 'on' },
    ...{ limit: 'digest', done: 'digest', run: 'off' },
  },
  quiet: () => null,
  projects: null,
  bundles: true,
};

/** What a channel shows of a matter. */
export interface Told {
  readonly messageRef: string;
  /** As it was shown, to see whether anything changed. */
  readonly text: string;
  readonly level: number;
  readonly openedAt: number;
  /** When its message was sent. */
  readonly sentAt: number;
  readonly resolvedAt: number | null;
  /** It is a line of a message that it shares. */
  readonly isDigest: boolean;
}

/** Troubles that others follow from. */
export interface Covers {
  readonly paused: boolean;
  readonly pausedProjects: readonly string[];
  /** The machine has no disk or memory left, or the scheduler does not tick. */
  readonly host: boolean;
  /** Projects whose tracker or forge does not answer. */
  readonly unreachable: readonly string[];
}

export const NO_COVERS: Covers = { paused: false, pausedProjects: [], host: false, unreachable: [] };

export type Step =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'wait'; readonly until: number }
  | { readonly kind: 'send'; readonly silent: boolean }
  | { readonly kind: 'edit' }
  /** Edited to its end; also heard when it lasted. */
  | { readonly kind: 'resolve'; readonly heard: boolean }
  /** Becomes, or changes, a line of the shared message. */
  | { readonly kind: 'collect'; readonly silent: boolean };

export interface PlanInput {
  readonly matter: Matter;
  readonly told: Told | null;
  /** What it would show now. */
  readonly text: string;
  readonly rules: ChannelRules;
  readonly covers: Covers;
  /** Null: not muted. */
  readonly mutedUntil: number | null;
  /** New incidents told by themselves within the window. */
  readonly recent: number;
  readonly now: number;
}

/** What a channel does about a matter now. A change that is kept back is looked at again, as it then stands. */
export function planOf(input: PlanInput): Step {
  const { matter, told, rules, now } = input;
  if (told !== null && told.resolvedAt === null) return planOfTold(input, told);
  // Over before it was told, or told to its end.
  if (matter.state === 'resolved') return { kind: 'nothing' };
  const way = rules.events[matter.event];
  const isElsewhere =
    rules.projects !== null && matter.project !== null && !rules.projects.includes(matter.project);
  if (way === 'off' || isElsewhere) return { kind: 'nothing' };
  const kept = keptBack(input);
  if (kept !== null) return { kind: 'wait', until: kept };
  if (!matter.atOnce && now < matter.openedAt + COLLECT_MS)
    return { kind: 'wait', until: matter.openedAt + COLLECT_MS };
  if (way === 'digest') return { kind: 'collect', silent: true };
  const bundled = rules.bundles && input.recent >= MAX_NEW && !needsOwnMessage(matter);
  return bundled ? { kind: 'collect', silent: false } : { kind: 'send', silent: false };
}

function planOfTold(input: PlanInput, told: Told): Step {
  const { matter, now } = input;
  if (matter.state === 'resolved') {
    if (told.isDigest) return { kind: 'collect', silent: true };
    const lasted = (matter.resolvedAt ?? now) - matter.openedAt;
    const heard = lasted > HEARD_AFTER_MS && !isOfOneJob(matter.key) && keptBack(input) === null;
    return { kind: 'resolve', heard };
  }
  if (told.text === input.text) return { kind: 'nothing' };
  // Each further failure of one job edits its message: it is one incident, however it goes on.
  const isWorse = matter.level > told.level && !isOfOneJob(matter.key);
  const isOld = now - told.sentAt >= RETELL_MS;
  if ((isWorse || isOld) && keptBack(input) === null) {
    const way = input.rules.events[matter.event];
    return told.isDigest && way === 'digest'
      ? { kind: 'collect', silent: true }
      : { kind: 'send', silent: false };
  }
  return told.isDigest ? { kind: 'collect', silent: true } : { kind: 'edit' };
}

/** A question or an approval is answered at its own message. */
function needsOwnMessage({ event }: Matter): boolean {
  return event === 'approval' || event === 'question';
}

/** When it may be told, at the earliest; null = now. */
function keptBack({ matter, rules, covers, mutedUntil, now }: PlanInput): number | null {
  if (isHidden(matter, covers)) return now + LOOK_AGAIN_MS;
  if (mutedUntil !== null && mutedUntil > now) return mutedUntil;
  const quiet = rules.quiet(now);
  if (quiet === null || (matter.urgent && !isNews(matter))) return null;
  return quiet.until ?? now + LOOK_AGAIN_MS;
}

/** A consequence of something that is told already, or that a person did. */
function isHidden(matter: Matter, covers: Covers): boolean {
  const isOfJob = /^job_\d+$/.test(matter.key);
  if (isOfJob)
    return (
      !matter.urgent &&
      (covers.host || (matter.project !== null && covers.unreachable.includes(matter.project)))
    );
  const follows = /^(?:account|expiring|budget):/.test(matter.key);
  if (!follows) return false;
  return (
    covers.paused ||
    covers.host ||
    (matter.project !== null && covers.pausedProjects.includes(matter.project))
  );
}
