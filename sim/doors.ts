/**
 * The doors between the engine and all that is outside of it: store, tracker, forge, notifiers, workspace,
 * agents. Each call takes a seeded time before and after its effect, so that calls overtake each other; at
 * any call the engine's process may die, before the effect or after it, and then hears nothing any more.
 */
import type { VirtualClock } from './clock.ts';
import type { Random } from './random.ts';
import type { Trace } from './trace.ts';

/** One process of the engine, from its start to its end. */
export interface Life {
  readonly number: number;
  alive: boolean;
  /** Calls under way. */
  pending: number;
  /** Door calls until the process dies; infinite = not by itself. */
  callsLeft: number;
}

export interface Delays {
  /** Milliseconds before the effect; 0 = within the call. */
  readonly before: (random: Random) => number;
  /** Milliseconds between the effect and its answer; 0 = no time passes. */
  readonly after: (random: Random) => number;
}

export interface Doors {
  /** One call: `act` is its effect. */
  call<T>(life: Life, name: string, delays: Delays, act: () => Promise<T>): Promise<T>;
  /** Waits for an event of the world, as a process does: a dead one hears nothing. */
  hear<T>(life: Life, event: Promise<T>): Promise<T>;
  /** Puts every function of an object behind the door; `only` leaves the others as they are. */
  behind<T extends object>(life: Life, name: string, target: T, delays: Delays): T;
  /** While it is on, calls of a sleeping engine go straight through: for looking at it. */
  direct: boolean;
  readonly figures: { calls: number; deaths: number };
}

export function createDoors(parts: {
  clock: VirtualClock;
  random: Random;
  trace: Trace;
  /** The process has died at this call. */
  died: (life: Life, where: string) => void;
  /** Counts events: what happens in one of them happens at once. */
  step: () => number;
}): Doors {
  const { clock, random, trace } = parts;
  const ends = new WeakMap<Life, number>();

  function die(life: Life, where: string): void {
    if (!life.alive) return;
    life.alive = false;
    doors.figures.deaths++;
    ends.set(life, parts.step());
    trace.note(`the engine dies ${where}`);
    parts.died(life, where);
  }

  function wait(ms: number, then: () => void): void {
    if (ms <= 0) then();
    else clock.after(ms, then);
  }

  const doors: Doors = {
    direct: false,
    figures: { calls: 0, deaths: 0 },

    call<T>(life: Life, name: string, delays: Delays, act: () => Promise<T>): Promise<T> {
      if (doors.direct) return act();
      if (!life.alive) {
        // What it had begun in the moment of its death may still come to a door: nothing gets through.
        if (parts.step() > (ends.get(life) ?? 0))
          trace.broken('dead.acts', `an engine that is dead calls ${name}`);
        return new Promise<T>(() => {});
      }
      doors.figures.calls++;
      trace.mark(name);
      life.callsLeft--;
      const dies = life.callsLeft <= 0 ? (random.chance(0.5) ? 'before' : 'after') : null;
      if (dies === 'before') {
        die(life, `before ${name}`);
        return new Promise<T>(() => {});
      }
      const [before, after] = [delays.before(random), delays.after(random)];
      life.pending++;
      return new Promise<T>((resolve, reject) => {
        const answer = (give: () => void) => {
          if (dies === 'after') {
            die(life, `after ${name}`);
            return;
          }
          wait(after, () => {
            life.pending--;
            if (life.alive) give();
          });
        };
        wait(before, () => {
          if (!life.alive) return;
          act().then(
            (value) => answer(() => resolve(value)),
            (error: Error) => answer(() => reject(error)),
          );
        });
      });
    },

    hear<T>(life: Life, event: Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        event.then(
          (value) => {
            if (life.alive) resolve(value);
          },
          (error: Error) => {
            if (life.alive) reject(error);
          },
        );
      });
    },

    behind<T extends object>(life: Life, name: string, target: T, delays: Delays): T {
      const wrapped = Object.entries(target).map(([member, value]) => {
        if (typeof value !== 'function') return [member, value];
        const method = value as (...args: unknown[]) => Promise<unknown>;
        return [
          member,
          (...args: unknown[]) =>
            doors.call(life, `${name}.${member}`, delays, async () => method.apply(target, args)),
        ];
      });
      return Object.fromEntries(wrapped) as T;
    },
  };
  return doors;
}
