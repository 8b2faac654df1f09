/**
 * One holder per name inside this process, first come first served. Parallel fetches into one
 * repository fail on git's lock files (5 of 6 did), so whatever moves refs takes its turn here.
 * Not reentrant: only the functions of the door take it.
 */
export class NamedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name) ?? Promise.resolve();
    const turn = Promise.withResolvers<void>();
    const tail = before.then(() => turn.promise);
    this.#tails.set(name, tail);
    await before;
    try {
      return await work();
    } finally {
      turn.resolve();
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    }
  }
}
