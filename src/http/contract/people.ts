import { z } from 'zod';
import { type ACTIONS, ROLES, type Role } from '../../core/roles.ts';
import { TOKEN_DAYS } from '../../core/users.ts';
import { instant } from './common.ts';

/** Signing in, users, sessions, tokens. Passwords, codes and tokens go in; only a new token comes out, once. */

export type { Role };
/** Every action and the least role for it, as types: a page that names either wrongly does not compile. */
export type LeastRoles = typeof ACTIONS;

export const roleSchema = z.enum(ROLES).meta({ id: 'Role' });
const password = z.string().min(1).max(1000);
const userName = z.string().min(1).max(100);

export const setupRequest = z.strictObject({ code: z.string().min(1).max(40), name: userName, password });
export const signInRequest = z.strictObject({ name: userName, password });
export const inviteAcceptRequest = z.strictObject({
  code: z.string().min(1).max(40),
  name: userName,
  password,
});
export const loginRequest = z.strictObject({
  name: userName,
  password,
  /** What the token is to be called in the list. */
  token: z.string().trim().min(1).max(100),
  days: z.number().int().min(TOKEN_DAYS.least).max(TOKEN_DAYS.most).nullable().default(null),
});
export const setupNeededSchema = z.object({ needed: z.boolean() });
export const ownPasswordRequest = z.strictObject({ before: password, password });

/** Who asks, and what that person may do: what a page needs to show buttons as disabled. */
export const meSchema = z
  .object({
    name: z.string(),
    role: roleSchema,
    /** False for a token that stands for no user. */
    isUser: z.boolean(),
    session: z.number().nullable(),
    /** Names of `core/roles.ts`. */
    actions: z.array(z.string()),
  })
  .meta({ id: 'Me' });
export type MeWire = z.infer<typeof meSchema>;
export const signedInSchema = z.object({ me: meSchema });

export const userSchema = z
  .object({
    name: z.string(),
    role: roleSchema,
    state: z.enum(['active', 'invited', 'disabled']),
    createdAt: instant,
    disabledAt: instant.nullable(),
  })
  .meta({ id: 'User' });
export type UserWire = z.infer<typeof userSchema>;
export const usersSchema = z.object({ users: z.array(userSchema) });
export const oneUserSchema = z.object({ user: userSchema });

export const inviteRequest = z.strictObject({ name: userName, role: roleSchema.default('operator') });
export const inviteSchema = z
  .object({
    user: userSchema,
    /** Told once; it sets the password, in seven days. */
    code: z.string(),
    url: z.string(),
  })
  .meta({ id: 'Invite' });
export type InviteWire = z.infer<typeof inviteSchema>;
export const roleRequest = z.strictObject({ role: roleSchema });
export const disableRequest = z.strictObject({ disabled: z.boolean().default(true) });
/** Null: the answer holds a code with which the person sets one. */
export const passwordRequest = z.strictObject({ password: password.nullable().default(null) });
export const passwordSetSchema = z.object({ user: userSchema, invite: inviteSchema.nullable() });

export const sessionSchema = z
  .object({
    id: z.number(),
    isThis: z.boolean(),
    agent: z.string(),
    address: z.string(),
    createdAt: instant,
    seenAt: instant,
    /** When it ends at the latest. */
    endsAt: instant,
  })
  .meta({ id: 'Session' });
export type SessionWire = z.infer<typeof sessionSchema>;
export const sessionsSchema = z.object({ sessions: z.array(sessionSchema) });
export const sessionEndedSchema = z.object({ ended: z.boolean() });

export const tokenRequest = z.strictObject({
  name: z.string().trim().min(1).max(100),
  /** Default: one's own. */
  role: roleSchema.nullable().default(null),
  days: z.number().int().min(TOKEN_DAYS.least).max(TOKEN_DAYS.most).nullable().default(null),
});
export const tokenSchema = z
  .object({
    id: z.number(),
    name: z.string(),
    /** Whose it is; null = it stands for itself. */
    user: z.string().nullable(),
    role: roleSchema,
    createdBy: z.string(),
    createdAt: instant,
    expiresAt: instant,
    usedAt: instant.nullable(),
  })
  .meta({ id: 'Token' });
export type TokenWire = z.infer<typeof tokenSchema>;
export const tokensSchema = z.object({ tokens: z.array(tokenSchema) });
export const newTokenSchema = z
  .object({
    token: tokenSchema,
    /** Told once. */
    secret: z.string(),
  })
  .meta({ id: 'NewToken' });
export type NewTokenWire = z.infer<typeof newTokenSchema>;
