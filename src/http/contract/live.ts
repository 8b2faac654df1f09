import { z } from 'zod';
import { flag, instant } from './common.ts';

/** What changes while somebody looks: logs and events. Both also come as streams (`text/event-stream`). */

export const logLineSchema = z
  .object({
    seq: z.number().meta({ description: 'its number: where it begins in the file, never changes' }),
    next: z.number().meta({ description: 'the number of the line after it' }),
    at: instant.nullable().meta({ description: 'when it came; null where nobody looked then' }),
    parts: z.array(
      z.object({
        kind: z.enum(['says', 'thinks', 'tool', 'result', 'end', 'error', 'system', 'text', 'raw']),
        text: z.string().meta({ description: 'may hold SGR colours, closed at the end of each line' }),
        tool: z.string().optional(),
      }),
    ),
    masked: z.number().meta({ description: 'secrets taken out' }),
    whole: z.boolean(),
  })
  .meta({ id: 'LogLine' });
export type LogLineWire = z.infer<typeof logLineSchema>;

const seq = z.coerce.number<string | number>().int().min(0);
export const logQuery = z.object({
  after: seq.optional().meta({ description: 'lines from this number on' }),
  before: seq.optional().meta({ description: 'lines that end before this number' }),
  limit: z.coerce
    .number<string | number>()
    .int()
    .min(1)
    .max(5000)
    .optional()
    .meta({ description: 'lines; default 1000' }),
  form: z.enum(['words', 'raw']).default('words').meta({ description: '`raw`: lines as the CLI wrote them' }),
});
export const logSchema = z
  .object({
    lines: z.array(logLineSchema),
    prev: z
      .number()
      .nullable()
      .meta({ description: 'pass as `before` for earlier lines; null at the start' }),
    next: z.number().meta({ description: 'pass as `after`, also to the stream, to go on' }),
    size: z.number().meta({ description: 'bytes' }),
    ended: z.boolean(),
    /** For readers of lines as they are: absent when `limit` was given. */
    text: z.string().optional(),
  })
  .meta({ id: 'Log' });
export type LogWire = z.infer<typeof logSchema>;

export const logSearchQuery = z.object({
  q: z.string().min(1).max(200),
  after: seq.default(0),
  limit: z.coerce.number<string | number>().int().min(1).max(1000).default(200),
});
export const logSearchSchema = z.object({
  lines: z.array(logLineSchema),
  next: z.number().nullable().meta({ description: 'where to search on, as `after`; null at the end' }),
});
export const logStreamQuery = z.object({ after: seq.optional(), form: logQuery.shape.form });
export const logDownloadQuery = z.object({ plain: flag });

export const CHANGE_TYPES = [
  'task',
  'job',
  'run',
  'account',
  'pause',
  'outbox',
  'explain',
  'user',
  'all',
] as const;
/** Ask again for it. `all`: for everything. */
export const changeSchema = z
  .object({ type: z.enum(CHANGE_TYPES), id: z.string(), rev: z.number() })
  .meta({ id: 'Change' });
export type ChangeWire = z.infer<typeof changeSchema>;
