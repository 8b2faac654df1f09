/** What happened, in words: the last events for a person, and a hash of all of them for a replay. */
export interface Trace {
  /** Notes an event; `what` is one line. */
  note(what: string): void;
  /** Something too small to tell; a replay has it too. */
  mark(what: string): void;
  /** An invariant is broken: the first one ends the seed. */
  broken(invariant: string, message: string): void;
  violation(): Violation | null;
  story(): readonly string[];
  hash(): string;
}

const KEPT = 60;

export interface Violation {
  /** Stable name, such as `cap.account`. */
  readonly invariant: string;
  readonly message: string;
}

/** `tell` hears every line as it happens. */
export function createTrace(elapsed: () => number, tell?: (line: string) => void): Trace {
  const kept: string[] = [];
  let one = 0xdeadbeef;
  let two = 0x41c6ce57;
  let violation: Violation | null = null;

  function mark(line: string): void {
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      one = Math.imul(one ^ code, 2654435761);
      two = Math.imul(two ^ code, 1597334677);
    }
  }

  const trace: Trace = {
    mark,
    note(what) {
      const line = `${stamp(elapsed())} ${what}`;
      mark(line);
      tell?.(line);
      kept.push(line);
      if (kept.length > KEPT * 4) kept.splice(0, kept.length - KEPT);
    },
    broken(invariant, message) {
      trace.note(`BROKEN ${invariant}: ${message}`);
      violation ??= { invariant, message };
    },
    violation: () => violation,
    story: () => kept.slice(-KEPT),
    hash: () => (one >>> 0).toString(16).padStart(8, '0') + (two >>> 0).toString(16).padStart(8, '0'),
  };
  return trace;
}

/** Day, hours, minutes, seconds and milliseconds since the start. */
function stamp(ms: number): string {
  const part = (value: number, size: number) => String(Math.floor(value)).padStart(size, '0');
  return `d${Math.floor(ms / 86_400_000)} ${part((ms / 3_600_000) % 24, 2)}:${part((ms / 60_000) % 60, 2)}:${part((ms / 1000) % 60, 2)}.${part(ms % 1000, 3)}`;
}
