import { z } from 'zod';
import { hours, percent, secret, text, variables } from './fields.ts';
import type { Kinds } from './types.ts';

const reserve = z.strictObject({
  five_hour: percent().optional().describe('Share of the five-hour window kept for people.'),
  seven_day: percent().optional().describe('Share of the weekly window kept for people.'),
  hours: hours().optional().describe('When the share is kept, in local time. Default: always.'),
});

export function accountSchema(kinds: Kinds) {
  return z.strictObject({
    agent: z.enum(kinds.agents).describe('Agent CLI of this account.'),
    home: text().optional().describe('Home of the CLI, with its sign-in. Default: agent_home.'),
    slots: z.int().min(1).max(1000).default(1).describe('Runs on this account at the same time.'),
    bin: text().optional().describe('The CLI: a path, or a name looked up on PATH.'),
    credentials_path: text()
      .optional()
      .describe('Stored login, where it is not at its usual place in the home.'),
    env: variables(secret()).prefault({}).describe('Variables of the CLI. Their values are never printed.'),
    reserve: reserve.optional().describe('Share of the plan that is kept for people.'),
    isolation: z
      .enum(['auto', 'none'])
      .default('auto')
      .describe(
        'How a run is ended whole: `auto` takes a PID namespace where allowed; `none` only follows the process tree.',
      ),
    sandbox: z
      .enum(['none', ...(kinds.sandboxes ?? [])])
      .default('none')
      .describe('Sandbox around the agent.'),
    unsafe: z.boolean().default(false).describe('Allows `permission: bypass` without a sandbox.'),
  });
}

export type AccountInput = z.output<ReturnType<typeof accountSchema>>;
