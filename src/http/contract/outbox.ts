import { z } from 'zod';
import { instant, next, paging } from './common.ts';

export const salvageRestoreRequest = z
  .strictObject({
    directory: z.string().min(1).nullable().default(null),
    branch: z.string().min(1).nullable().default(null),
    ref: z.string().min(1).nullable().default(null),
  })
  .refine((r) => (r.directory === null) !== (r.branch === null), 'name a directory or a branch, not both');
export const salvagePruneRequest = z.strictObject({
  project: z.string().nullable().default(null),
  olderThanMs: z.number().int().positive(),
});

/** A message that was given up, or is tried in vain so far. */
export const messageSchema = z
  .object({
    id: z.string(),
    destination: z.string(),
    what: z.string(),
    task: z.string().nullable(),
    state: z.enum(['dead', 'stuck']),
    tries: z.number(),
    /** The receiver may have taken it all the same: a repeat looks first, or says so. */
    mayBeDone: z.boolean(),
    error: z.string(),
    createdAt: instant,
    deadAt: instant.nullable(),
    nextTryAt: instant.nullable(),
  })
  .meta({ id: 'Message' });
export type MessageWire = z.infer<typeof messageSchema>;

/** A destination that does not answer, or has messages that were given up. */
export const destinationSchema = z
  .object({
    name: z.string(),
    dead: z.number(),
    unansweredSince: instant.nullable(),
    nextTryAt: instant.nullable(),
    error: z.string(),
  })
  .meta({ id: 'Destination' });
export type DestinationWire = z.infer<typeof destinationSchema>;

const messageId = z
  .string()
  .regex(/^(msg_)?\d{1,15}$/, 'a message is named like msg_12')
  .transform((text) => Number(text.replace('msg_', '')));
export const outboxRetryRequest = z
  .strictObject({
    ids: z.array(messageId).min(1).max(1000).nullable().default(null),
    destination: z
      .string()
      .regex(/^(notify|(tracker|forge):.+)$/, 'a destination is notify, tracker:PROJECT or forge:PROJECT')
      .nullable()
      .default(null),
  })
  .refine((r) => r.ids === null || r.destination === null, 'name messages or a destination, not both');
export const outboxDropRequest = z.strictObject({
  id: messageId,
  reason: z.string().trim().min(1, 'say why').max(1000),
});

export const outboxQuery = z.object({
  ...paging,
  destination: z.string().optional(),
  state: z
    .enum(['dead', 'stuck'], {
      error: ({ input }) => `state=${String(input)} is not known; one of dead, stuck`,
    })
    .optional(),
});
export const outboxSchema = z.object({
  messages: z.array(messageSchema),
  destinations: z.array(destinationSchema),
  next,
});
export const outboxRetriedSchema = z.object({ retried: z.number(), overtaken: z.number() });
export const outboxDroppedSchema = z.object({ dropped: z.string() });

export const salvageQuery = z.object({ project: z.string().optional() });
export const salvageSchema = z
  .object({
    name: z.string(),
    project: z.string(),
    key: z.string(),
    run: z.string(),
    commit: z.string(),
    at: instant,
  })
  .meta({ id: 'Salvage' });

const keptSchema = salvageSchema.extend({
  files: z.array(
    z.object({
      path: z.string(),
      status: z.enum(['added', 'deleted', 'modified', 'renamed', 'type_changed']),
      from: z.string().optional(),
      added: z.number().nullable(),
      deleted: z.number().nullable(),
    }),
  ),
  problems: z.array(z.string()),
  leftOut: z.array(z.object({ path: z.string(), reason: z.string() })),
  refs: z.record(z.string(), z.string()),
});
export const salvagesSchema = z.object({ salvage: z.array(salvageSchema) });
export const oneSalvageSchema = z.object({ salvage: keptSchema });
export const restoredSchema = z.object({ restored: z.string() }).loose();
export const prunedSchema = z.object({ pruned: z.array(z.string()) });
