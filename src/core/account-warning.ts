import type { Reason } from './dispatch-state.ts';
import type { SignIn } from './sign-in.ts';
import { mayStart } from './sign-in.ts';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** How long before its end a login that cannot renew itself is told of: once, and once more. */
const WARN_BEFORE_MS = 3 * DAY_MS;
const WARN_AGAIN_MS = DAY_MS;

/** A login that ends soon unless a person signs in anew. */
export interface Expiring {
  readonly endsAt: number;
  readonly level: 'soon' | 'last_day';
}

/** Something about an account that holds nothing yet. */
export interface AccountWarning {
  readonly code: 'account.expiring';
  readonly account: string;
  readonly title: string;
  readonly detail: string;
  /** When it will hold the account. */
  readonly at: number;
  /** The command that prevents it. */
  readonly fix: string;
}

/** Whether a sign-in that works ends soon; null when it does not, or when it does not work any more. */
export function expiringOf(signIn: SignIn, now: number): Expiring | null {
  const endsAt = signIn.endsAt ?? null;
  if (endsAt === null || endsAt <= now || endsAt > now + WARN_BEFORE_MS || !mayStart(signIn)) return null;
  return { endsAt, level: endsAt <= now + WARN_AGAIN_MS ? 'last_day' : 'soon' };
}

export function expiringWarning(account: string, { endsAt }: Expiring, now: number): AccountWarning {
  const left = endsAt - now;
  const [count, unit] =
    left > DAY_MS ? [Math.round(left / DAY_MS), 'day'] : [Math.ceil(left / HOUR_MS), 'hour'];
  return {
    code: 'account.expiring',
    account,
    title: `Sign-in of ${account} ends in ${count} ${unit}${count === 1 ? '' : 's'}`,
    detail: `the stored login cannot renew itself beyond ${new Date(endsAt).toISOString().slice(0, 16)}Z`,
    at: endsAt,
    fix: `orch accounts login ${account}`,
  };
}

/** What the last look at the accounts found to end before long. */
export function expiringWarnings(
  accounts: Iterable<readonly [id: string, { readonly expiring?: Expiring | null }]>,
  now: number,
): AccountWarning[] {
  return [...accounts].flatMap(([id, { expiring }]) =>
    expiring == null ? [] : [expiringWarning(id, expiring, now)],
  );
}

/** As a reason that holds nothing: before it does, a person has to act. */
export function warningReason({ code, account, title, detail, at, fix }: AccountWarning): Reason {
  return {
    ...{ code, title, detail, fix },
    scope: { kind: 'account', id: account, label: account },
    state: 'needs_you',
    since: at - WARN_BEFORE_MS,
    clearsAt: null,
    clearsWhen: 'A person signs in anew before then; until then it holds nothing.',
  };
}
