// What the body of a delivery says, and where it leads. Nothing here throws, whatever was sent.
import type { WebhookPlace } from './webhook.ts';

const BRANCH = 'refs/heads/';
/** Nothing that a host names is longer. */
const MAX_NAME = 300;

/** Undefined for everything that is not there. */
export function valueAt(body: unknown, ...keys: readonly string[]): unknown {
  let value = body;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

export function wordAt(body: unknown, ...keys: readonly string[]): string | null {
  const value = valueAt(body, ...keys);
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME ? value : null;
}

/** Of an issue or a pull request. */
export function numberAt(body: unknown, ...keys: readonly string[]): number | null {
  const value = valueAt(body, ...keys);
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}

export function item(at: string, number: number | null): WebhookPlace[] {
  return number === null ? [] : [{ kind: 'item', at, id: String(number) }];
}

export function pull(at: string, number: number | null): WebhookPlace[] {
  return number === null ? [] : [{ kind: 'pull_request', at, number }];
}

/** By its name or its full name; that of a tag is no branch. */
export function branch(at: string, ref: string | null): WebhookPlace[] {
  const name = ref?.startsWith(BRANCH) === true ? ref.slice(BRANCH.length) : (ref ?? '');
  return name === '' || name.startsWith('refs/') ? [] : [{ kind: 'branch', at, branch: name }];
}

export function commit(at: string, sha: string | null): WebhookPlace[] {
  return sha === null || !/^[0-9a-f]{40,64}$/.test(sha) ? [] : [{ kind: 'commit', at, commit: sha }];
}
