import { inspect } from 'node:util';

const MASK = '[secret]';

/** A value that prints as `[secret]` wherever it is shown; only `reveal()` gives it back. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}

/** The plain variables for a child process, at the one place that starts it. */
export function revealEnv(env: Readonly<Record<string, Secret>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.reveal()]));
}
