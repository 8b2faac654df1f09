/**
 * The wire of `/api/v1`, shared by server, CLI and page: schemas and their types. This file is the door; what
 * belongs together lies together in `contract/`. Only zod and `core` are imported, so that a browser may too.
 */
export * from './contract/accounts.ts';
export * from './contract/actions.ts';
export type * from './contract/api.ts';
export * from './contract/brief.ts';
export * from './contract/budgets.ts';
export * from './contract/common.ts';
export * from './contract/explain.ts';
export * from './contract/intake.ts';
export * from './contract/line.ts';
export * from './contract/live.ts';
export * from './contract/now.ts';
export * from './contract/outbox.ts';
export * from './contract/people.ts';
export * from './contract/reports.ts';
export * from './contract/settings.ts';
export * from './contract/snooze.ts';
export * from './contract/work.ts';
