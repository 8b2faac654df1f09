import { z } from 'zod';
import { flag, instant } from './common.ts';

const task = { key: z.string(), project: z.string(), title: z.string(), detail: z.string(), at: instant };
const changed = z.object({ files: z.number(), added: z.number(), deleted: z.number() });

export const briefQuery = z.object({ since: z.string().optional(), peek: flag });
/** What happened since a person last looked. */
export const briefSchema = z
  .object({
    schema: z.literal('orch.brief/1'),
    since: instant,
    until: instant,
    running: z.number(),
    queued: z.number(),
    merged: z.array(z.object(task)),
    approvals: z
      .array(z.object({ ...task, commit: z.string().nullable(), changed: changed.nullable() }))
      .meta({ description: 'the smallest change first' }),
    questions: z.array(z.object(task)),
    failures: z.array(z.object({ ...task, error: z.string() })),
    windows: z.array(
      z.object({
        account: z.string(),
        name: z.string(),
        utilization: z.number().nullable(),
        resetAt: instant.nullable(),
      }),
    ),
    holds: z.array(z.object({ title: z.string(), until: instant.nullable() })),
    next: z.array(z.object({ name: z.string(), stage: z.string(), reason: z.string() })),
  })
  .meta({ id: 'Brief' });

/** A code with which a person of a chat says who they are here. */
export const linkSchema = z
  .object({ user: z.string(), code: z.string(), expiresAt: instant })
  .meta({ id: 'Link' });

export type LinkWire = z.infer<typeof linkSchema>;

/** How a test message went, channel by channel. */
export const channelTestsSchema = z
  .object({
    channels: z.array(
      z.object({
        channel: z.string(),
        ok: z.boolean(),
        problem: z.string().nullable(),
        fix: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'ChannelTests' });
export type ChannelTestsWire = z.infer<typeof channelTestsSchema>;
