import type { z } from 'zod';
import { accountsSchema } from './accounts.ts';
import {
  begunSchema,
  changedSchema,
  commandRequest,
  enqueueRequest,
  pausedSchema,
  pauseRequest,
  priorityRequest,
  resumedSchema,
  shutdownRequest,
  stoppedSchema,
  stopRequest,
  submitRequest,
  submittedSchema,
  tickRequest,
  urgentRequest,
} from './actions.ts';
import { briefQuery, briefSchema, channelTestsSchema, linkSchema } from './brief.ts';
import { budgetsSchema } from './budgets.ts';
import { ok } from './common.ts';
import { atQuery, explainQuery, explainSchema, statusQuery, statusSchema, whyAtSchema } from './explain.ts';
import { intakeAcceptedSchema, intakeAcceptRequest, intakeQuery, intakeSchema } from './intake.ts';
import { projectsSchema, promptSchema } from './line.ts';
import {
  logDownloadQuery,
  logQuery,
  logSchema,
  logSearchQuery,
  logSearchSchema,
  logStreamQuery,
} from './live.ts';
import { nowSchema } from './now.ts';
import {
  oneSalvageSchema,
  outboxDroppedSchema,
  outboxDropRequest,
  outboxQuery,
  outboxRetriedSchema,
  outboxRetryRequest,
  outboxSchema,
  prunedSchema,
  restoredSchema,
  salvagePruneRequest,
  salvageQuery,
  salvageRestoreRequest,
  salvagesSchema,
} from './outbox.ts';
import {
  disableRequest,
  inviteAcceptRequest,
  inviteRequest,
  inviteSchema,
  loginRequest,
  newTokenSchema,
  oneUserSchema,
  ownPasswordRequest,
  passwordRequest,
  passwordSetSchema,
  roleRequest,
  sessionEndedSchema,
  sessionsSchema,
  setupNeededSchema,
  setupRequest,
  signedInSchema,
  signInRequest,
  tokenRequest,
  tokensSchema,
  usersSchema,
} from './people.ts';
import {
  auditQuery,
  auditSchema,
  bulkRequest,
  bulkSchema,
  healthQuery,
  healthSchema,
  historySchema,
  oneApprovalSchema,
  runDiffSchema,
  taskDiffSchema,
  usageQuery,
  usageSchema,
  versionSchema,
} from './reports.ts';
import { configChangedSchema, configRequest, configSchema } from './settings.ts';
import { snoozeBody, snoozesSchema } from './snooze.ts';
import {
  jobsQuery,
  jobsSchema,
  oneJobSchema,
  oneRunQuery,
  oneRunSchema,
  oneTaskSchema,
  runsQuery,
  runsSchema,
  tasksQuery,
  tasksSchema,
} from './work.ts';

/**
 * Every route of `/api/v1` that answers with JSON: what it takes and what it says. The clients have their types from
 * here and load nothing of it; a test holds the table to the routes that the server has.
 */
export const API = {
  'GET /setup': { answer: setupNeededSchema },
  'POST /setup': { body: setupRequest, answer: signedInSchema },
  'GET /session': { answer: signedInSchema },
  'POST /session': { body: signInRequest, answer: signedInSchema },
  'DELETE /session': { answer: ok },
  'POST /invite': { body: inviteAcceptRequest, answer: signedInSchema },
  'POST /login': { body: loginRequest, answer: newTokenSchema },
  'GET /sessions': { answer: sessionsSchema },
  'DELETE /sessions/{id}': { answer: sessionEndedSchema },
  'POST /password': { body: ownPasswordRequest, answer: ok },
  'GET /tokens': { answer: tokensSchema },
  'POST /tokens': { body: tokenRequest, answer: newTokenSchema },
  'DELETE /tokens/{id}': { answer: ok },
  'GET /users': { answer: usersSchema },
  'POST /users': { body: inviteRequest, answer: inviteSchema },
  'POST /users/{name}/role': { body: roleRequest, answer: oneUserSchema },
  'POST /users/{name}/disable': { body: disableRequest, answer: oneUserSchema },
  'POST /users/{name}/password': { body: passwordRequest, answer: passwordSetSchema },
  'POST /users/{name}/link': { answer: linkSchema },
  'POST /link': { answer: linkSchema },

  'GET /now': { answer: nowSchema },
  'GET /status': { query: statusQuery, answer: statusSchema },
  'GET /explain': { query: explainQuery, answer: explainSchema },
  'GET /why/{key}': { query: atQuery, answer: whyAtSchema },
  'GET /brief': { query: briefQuery, answer: briefSchema },
  'GET /snoozes': { answer: snoozesSchema },
  'POST /snooze': { body: snoozeBody, answer: snoozesSchema },

  'GET /tasks': { query: tasksQuery, answer: tasksSchema },
  'GET /tasks/{key}': { answer: oneTaskSchema },
  'GET /tasks/{key}/diff': { answer: taskDiffSchema },
  'GET /tasks/{key}/history': { answer: historySchema },
  'GET /jobs': { query: jobsQuery, answer: jobsSchema },
  'GET /jobs/{id}': { answer: oneJobSchema },
  'GET /runs': { query: runsQuery, answer: runsSchema },
  'GET /runs/{id}': { query: oneRunQuery, answer: oneRunSchema },
  'GET /runs/{id}/diff': { answer: runDiffSchema },
  'GET /runs/{id}/prompt': { answer: promptSchema },
  'GET /runs/{id}/log': { query: logQuery, answer: logSchema },
  'GET /runs/{id}/log/search': { query: logSearchQuery, answer: logSearchSchema },
  'GET /approvals/{id}': { answer: oneApprovalSchema },

  'POST /items': { body: submitRequest, answer: submittedSchema },
  'POST /jobs': { body: enqueueRequest, answer: oneJobSchema },
  'POST /approve': { body: commandRequest, answer: changedSchema },
  'POST /reject': { body: commandRequest, answer: changedSchema },
  'POST /retry': { body: commandRequest, answer: changedSchema },
  'POST /cancel': { body: commandRequest, answer: changedSchema },
  'POST /answer': { body: commandRequest, answer: changedSchema },
  'POST /comment': { body: commandRequest, answer: changedSchema },
  'POST /tick': { body: tickRequest, answer: changedSchema },
  'POST /urgent': { body: urgentRequest, answer: changedSchema },
  'POST /priority': { body: priorityRequest, answer: changedSchema },
  'POST /bulk': { body: bulkRequest, answer: bulkSchema },
  'POST /pause': { body: pauseRequest, answer: pausedSchema },
  'POST /resume': { body: pauseRequest, answer: resumedSchema },
  'POST /stop': { body: stopRequest, answer: stoppedSchema },
  'POST /upkeep': { answer: begunSchema },
  'POST /shutdown': { body: shutdownRequest, answer: ok },

  'GET /projects': { answer: projectsSchema },
  'GET /accounts': { answer: accountsSchema },
  'POST /accounts/{id}/check': { answer: ok },
  'POST /accounts/{id}/trust': { answer: ok },
  'POST /accounts/{id}/use-last-good': { answer: ok },
  'GET /intake': { query: intakeQuery, answer: intakeSchema },
  'POST /intake/accept': { body: intakeAcceptRequest, answer: intakeAcceptedSchema },
  'GET /outbox': { query: outboxQuery, answer: outboxSchema },
  'POST /outbox/retry': { body: outboxRetryRequest, answer: outboxRetriedSchema },
  'POST /outbox/drop': { body: outboxDropRequest, answer: outboxDroppedSchema },
  'POST /notify/test': { answer: channelTestsSchema },
  'GET /salvage': { query: salvageQuery, answer: salvagesSchema },
  'GET /salvage/{name}': { answer: oneSalvageSchema },
  'POST /salvage/{name}/restore': { body: salvageRestoreRequest, answer: restoredSchema },
  'POST /salvage-prune': { body: salvagePruneRequest, answer: prunedSchema },

  'GET /usage': { query: usageQuery, answer: usageSchema },
  'GET /budgets': { answer: budgetsSchema },
  'GET /audit': { query: auditQuery, answer: auditSchema },
  'GET /health': { query: healthQuery, answer: healthSchema },
  'GET /version': { answer: versionSchema },
  'GET /config': { answer: configSchema },
  'POST /config': { body: configRequest, answer: configChangedSchema },
} as const satisfies Readonly<Record<string, Described>>;

/** Those that answer with a file, or with events for as long as one listens. */
export const FILES = {
  'GET /runs/{id}/log/download': { query: logDownloadQuery },
  'GET /runs/{id}/log/stream': { query: logStreamQuery },
  'GET /runs/{id}/bundle': {},
  'GET /events': {},
} as const satisfies Readonly<Record<string, Omit<Described, 'answer'>>>;

interface Described {
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
}

type Table = typeof API & typeof FILES;
export type Route = keyof typeof API;
export type FileRoute = keyof typeof FILES;

/** The paths of a method, as the table writes them. */
export type PathOf<M extends string, R = Route> = R extends `${M} ${infer P}` ? P : never;

export type Answer<R extends Route> = z.output<Table[R]['answer']>;

/** What a body may leave out has a default. */
export type Body<R extends Route> = Table[R] extends { readonly body: infer S } ? Fixed<z.input<S>> : never;
type Fixed<T> = T extends object ? { readonly [K in keyof T]: Fixed<T[K]> } : T;

/** As it is written, before the server reads it; what is null is not set. */
export type Query<R extends keyof Table> = Table[R] extends { readonly query: infer S }
  ? OrNull<z.input<S>>
  : never;
type OrNull<T> = { readonly [K in keyof T]: undefined extends T[K] ? T[K] | null : T[K] };

/** The names in a path, each with what stands for it. */
export type Params<R extends string> = R extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in Name]: string | number } & Params<Rest>
  : unknown;

/** All that is asked beside the path; what has no required part may be left out. */
export type Asked<R extends keyof Table> = Part<'params', Params<R>> &
  Part<'query', Query<R>> &
  (R extends Route ? Part<'body', Body<R>> : unknown);
type Part<Name extends string, T> = [T] extends [never]
  ? unknown
  : unknown extends T
    ? unknown
    : Name extends 'query'
      ? Partial<T> extends T
        ? { readonly query?: T }
        : { readonly query: T }
      : { readonly [K in Name]: T };

/** The last argument of a client's call: there when the route needs one. `More` is what only this client takes. */
export type Asking<R extends keyof Table, More = unknown> = unknown extends Asked<R> & More
  ? []
  : Partial<Asked<R> & More> extends Asked<R> & More
    ? [asked?: Asked<R> & More]
    : [asked: Asked<R> & More];
