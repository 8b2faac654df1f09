import { AppError } from './errors.ts';

/** What is known of a request to a receiver that did not go well. */
export interface FailedRequest {
  /** The receiver's name for people: `Gitea`. */
  readonly vendor: string;
  /** What was asked, for people: `POST /repos/acme/api/pulls`. */
  readonly what: string;
  /** Null: no answer came. */
  readonly status: number | null;
  /** What the receiver said, or why there was no answer; without secrets. */
  readonly said: string;
  readonly retryAfterMs: number | null;
  /** `no` when certainly nothing was done: never sent, or refused before it was worked on. */
  readonly done: 'no' | 'unknown';
  readonly hint?: string;
}

/** Answers that a repeat would get again. */
const FINAL: readonly number[] = [400, 404, 405, 409, 410, 411, 413, 414, 415, 422];

/**
 * The error that a tracker, forge or notifier throws for a failed request: `<family>.refused` when a repeat
 * would get the same answer, else `<family>.unreachable` with the facts that the outbox goes by.
 */
export function destinationError(family: 'tracker' | 'forge' | 'notifier', failed: FailedRequest): AppError {
  const { vendor, what, status, said, retryAfterMs, done, hint } = failed;
  const isFinal = status !== null && FINAL.includes(status);
  const answer = status === null ? 'does not answer' : isFinal ? `refused (${status})` : `answered ${status}`;
  return new AppError(`${vendor} ${answer}: ${what}${said === '' ? '' : `: ${said}`}`, {
    code: `${family}.${isFinal ? 'refused' : 'unreachable'}`,
    ...(hint === undefined ? {} : { hint }),
    facts: {
      status,
      ...(done === 'no' || isFinal ? { done: 'no' } : {}),
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    },
  });
}

/** Does it, with errors as the port of that family has them; `failed` tells those that the receiver is behind. */
export async function askDestination<T>(
  family: 'tracker' | 'forge',
  act: () => Promise<T>,
  failed: (error: unknown) => Promise<FailedRequest | null>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const request = await failed(error);
    throw request === null ? error : destinationError(family, request);
  }
}
