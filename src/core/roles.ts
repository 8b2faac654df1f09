/** Who may do what: three roles, each with all that the one before it may do. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Every action of every surface by name, and the least role that may do it. The same names stand in the audit
 * log. A surface that offers an action asks `mayDo`, nothing else.
 */
export const ACTIONS = {
  read: 'viewer',
  'session.own': 'viewer',
  'token.own': 'viewer',
  snooze: 'viewer',

  submit: 'operator',
  enqueue: 'operator',
  approve: 'operator',
  reject: 'operator',
  retry: 'operator',
  cancel: 'operator',
  answer: 'operator',
  comment: 'operator',
  tick: 'operator',
  urgent: 'operator',
  priority: 'operator',
  bulk: 'operator',
  pause: 'operator',
  resume: 'operator',
  stop: 'operator',
  mute: 'operator',
  'account.check': 'operator',
  'outbox.retry': 'operator',
  'outbox.drop': 'operator',
  'intake.accept': 'operator',

  'account.trust': 'admin',
  'account.use_last_good': 'admin',
  'salvage.restore': 'admin',
  'salvage.prune': 'admin',
  upkeep: 'admin',
  shutdown: 'admin',
  'user.link': 'admin',
  'notify.test': 'admin',
  'user.list': 'admin',
  'user.invite': 'admin',
  'user.role': 'admin',
  'user.disable': 'admin',
  'user.password': 'admin',
  'token.create': 'admin',
  'token.revoke': 'admin',
  'audit.read': 'admin',
  'config.read': 'admin',
  'config.write': 'admin',
} as const satisfies Record<string, Role>;

export type Action = keyof typeof ACTIONS;

export function mayDo(role: Role, action: Action): boolean {
  return isAtLeast(role, ACTIONS[action]);
}

export function isAtLeast(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/** The lesser of two roles: a token of an admin who became a viewer is a viewer's. */
export function lesser(a: Role, b: Role): Role {
  return isAtLeast(a, b) ? b : a;
}

/** All that a role may do, for a page that shows what it may not as disabled. */
export function actionsOf(role: Role): Action[] {
  return (Object.keys(ACTIONS) as Action[]).filter((action) => mayDo(role, action));
}
