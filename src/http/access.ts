import type { Action } from '../core/roles.ts';

/**
 * Who may use which route: the one table. A route of `/api/` that is not in it is refused to everybody, and a
 * test fails. `core/roles.ts` says which role each action takes; `public` asks for nobody.
 */
export const ACCESS: Readonly<Record<string, Action | 'public'>> = {
  'GET /api/v1/setup': 'public',
  'POST /api/v1/setup': 'public',
  'POST /api/v1/session': 'public',
  'POST /api/v1/invite': 'public',
  'POST /api/v1/login': 'public',

  'GET /api/v1/session': 'session.own',
  'DELETE /api/v1/session': 'session.own',
  'GET /api/v1/sessions': 'session.own',
  'DELETE /api/v1/sessions/:id': 'session.own',
  'POST /api/v1/password': 'session.own',
  'GET /api/v1/tokens': 'token.own',
  'POST /api/v1/tokens': 'token.own',
  'DELETE /api/v1/tokens/:id': 'token.own',

  'GET /api/v1/users': 'user.list',
  'POST /api/v1/users': 'user.invite',
  'POST /api/v1/users/:name/role': 'user.role',
  'POST /api/v1/users/:name/disable': 'user.disable',
  'POST /api/v1/users/:name/password': 'user.password',

  'GET /api/v1/openapi.json': 'read',
  'GET /api/v1/version': 'read',
  'GET /api/v1/explain': 'read',
  'GET /api/v1/why/:key': 'read',
  'GET /api/v1/status': 'read',
  'GET /api/v1/jobs': 'read',
  'GET /api/v1/jobs/:id': 'read',
  'GET /api/v1/runs': 'read',
  'GET /api/v1/runs/:id': 'read',
  'GET /api/v1/runs/:id/log': 'read',
  'GET /api/v1/runs/:id/log/search': 'read',
  'GET /api/v1/runs/:id/log/download': 'read',
  'GET /api/v1/runs/:id/log/stream': 'read',
  'GET /api/v1/events': 'read',
  'GET /api/v1/tasks': 'read',
  'GET /api/v1/tasks/:key': 'read',
  'GET /api/v1/runs/:id/prompt': 'read',
  'GET /api/v1/projects': 'read',
  'GET /api/v1/accounts': 'read',
  'GET /api/v1/outbox': 'read',
  'GET /api/v1/salvage': 'read',
  'GET /api/v1/salvage/:name': 'read',

  'POST /api/v1/items': 'submit',
  'POST /api/v1/jobs': 'enqueue',
  'POST /api/v1/approve': 'approve',
  'POST /api/v1/reject': 'reject',
  'POST /api/v1/retry': 'retry',
  'POST /api/v1/cancel': 'cancel',
  'POST /api/v1/answer': 'answer',
  'POST /api/v1/tick': 'tick',
  'POST /api/v1/urgent': 'urgent',
  'POST /api/v1/pause': 'pause',
  'POST /api/v1/resume': 'resume',
  'POST /api/v1/stop': 'stop',
  'POST /api/v1/accounts/:id/check': 'account.check',
  'POST /api/v1/accounts/:id/trust': 'account.trust',
  'POST /api/v1/accounts/:id/use-last-good': 'account.use_last_good',
  'POST /api/v1/outbox/retry': 'outbox.retry',
  'POST /api/v1/outbox/drop': 'outbox.drop',
  'POST /api/v1/salvage/:name/restore': 'salvage.restore',
  'POST /api/v1/salvage-prune': 'salvage.prune',
  'POST /api/v1/upkeep': 'upkeep',
  'POST /api/v1/shutdown': 'shutdown',
};

/** Routes outside of `/api/` look after themselves: what keeps each. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  'GET /healthz': 'says that the process answers, nothing else',
  'GET /readyz': 'says that the scheduler ticks, nothing else',
};
