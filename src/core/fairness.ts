/** One claim moves a project's virtual time by this, divided by its weight. */
export const VTIME_STEP = 1_000_000;

/** Rounded up: R small steps of a heavy project then never fit into one of a light one, R = ceil(w_max / w_min). */
export function stepOf(weight: number): number {
  return Math.ceil(VTIME_STEP / weight);
}

/** Where a project stands once its weight has changed: as many of its turns before the clock as it was. */
export function vtimeAtWeight(at: { vtime: number; clock: number }, before: number, after: number): number {
  const lead = at.vtime - at.clock;
  if (lead <= 0 || before === after) return at.vtime;
  return at.clock + Math.floor((lead / stepOf(before)) * stepOf(after));
}

/** Of this many claims in a row at most one goes to an urgent job before it is its project's turn. */
export const URGENT_EVERY = 4;

/** A project may be this many turns ahead of its own: urgent work is borrowed from the project's later turns. */
export const MAX_BORROWED_TURNS = 4;

/**
 * The most claims from one turn of a waiting project to its next, caps allowing: P x ceil(w_max / w_min) for the
 * weights of all projects that wait meanwhile.
 */
export function fairnessBound(weights: readonly number[]): number {
  return weights.length * Math.ceil(Math.max(...weights) / Math.min(...weights));
}

/**
 * The same while others may use the urgent lane, for a project that has borrowed this many turns itself:
 * one claim of the lane fits before every `URGENT_EVERY - 1` fair ones, and what was borrowed is paid back.
 */
export function boundWithLane(weights: readonly number[], borrowed = 0): number {
  return Math.ceil(((borrowed + 1) * fairnessBound(weights) * URGENT_EVERY) / (URGENT_EVERY - 1));
}
