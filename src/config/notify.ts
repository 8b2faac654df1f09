import { z } from 'zod';
import type { NotifyEvent } from '../core/matter.ts';
import { hours, name, secret, url } from './fields.ts';

type Way = 'on' | 'digest' | 'off';

const EVENTS: Readonly<Record<NotifyEvent, { way: Way; text: string }>> = {
  needs_you: { way: 'on', text: 'Something waits for a person: sign-in, disk, budget.' },
  approval: { way: 'on', text: 'A deploy waits for approval.' },
  out_of_retries: { way: 'on', text: 'A job failed for good.' },
  question: { way: 'on', text: 'An agent asks something.' },
  limit: { way: 'digest', text: 'A breaker opened or a plan limit was reached.' },
  done: { way: 'digest', text: 'A pull request is ready or a task is done.' },
  run: { way: 'off', text: 'A run started.' },
};

const events = () => {
  const entries = Object.entries(EVENTS).map(([event, { way, text }]) => [
    event,
    z.enum(['on', 'digest', 'off']).default(way).describe(text),
  ]);
  type Shape = Record<NotifyEvent, z.ZodDefault<z.ZodEnum<{ on: 'on'; digest: 'digest'; off: 'off' }>>>;
  return z.strictObject(Object.fromEntries(entries) as Shape);
};

const rules = () => ({
  events: events()
    .prefault({})
    .describe('What is told at once (`on`), collected (`digest`) or not at all (`off`).'),
  quiet_hours: hours().optional().describe('Only urgent matters are told in these hours, in local time.'),
  projects: z.array(name()).max(1000).optional().describe('Projects that are told about. Default: all.'),
});

export const notifySchema = z.strictObject({
  telegram: z
    .strictObject({
      topic: z
        .int()
        .positive()
        .optional()
        .describe('Topic of a group with topics that is told. Default: none.'),
      ...rules(),
    })
    .prefault({})
    .describe('Rules for Telegram, which is on as soon as its token and chat id are set.'),
  webhook: z
    .strictObject({
      url: url().describe('Address that gets each notification as signed JSON.'),
      secret: secret().describe('Secret of the signature.'),
      ...rules(),
    })
    .optional()
    .describe('A generic webhook.'),
});

export type NotifyInput = z.output<typeof notifySchema>;
