import { AppError } from '../../src/core/errors.ts';

/** The connection to receivers: when it `loses` an answer, the next call acts, and then throws as a cut one does. */
export interface Line {
  loses: boolean;
}

export function losingAnswers<T extends object>(receiver: T, line: Line, code: string): T {
  return new Proxy(receiver, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]): Promise<unknown> => {
        const result: unknown = await member.apply(target, args);
        if (!line.loses) return result;
        line.loses = false;
        throw new AppError('the connection was cut', { code });
      };
    },
  });
}
