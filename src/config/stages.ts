import { z } from 'zod';
import { duration, innerPath, name, text, word } from './fields.ts';
import type { Role } from './types.ts';

const ROLES = ['analyst', 'architect', 'developer', 'reviewer', 'tester', 'deployer'] as const;
const STAGE_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,39}$/;
const DEFAULT_ROUNDS = 3;

export const stageSchema = z.strictObject({
  stage: z
    .string()
    .regex(STAGE_NAME, { error: 'is not a usable name' })
    .meta({ examples: ['development'] })
    .describe('Name of the stage, unique in its pipeline.'),
  kind: z
    .enum(['agent', 'human', 'command', 'deploy'])
    .default('agent')
    .describe('Who does it: an agent, a person, a command, or the merge and its deploy command.'),
  agent: z
    .enum(ROLES)
    .optional()
    .describe('Role of the agent. The stages of the default pipeline know theirs.'),
  tools: z
    .enum(['read', 'write'])
    .optional()
    .describe('What the agent may do. Default: `read` for analysis, architecture and review, else `write`.'),
  model: word().optional().describe('Model of the agent, as its CLI names it.'),
  fallback_model: word().optional().describe('Model to use while the first one is overloaded.'),
  effort: z
    .enum(['low', 'medium', 'high', 'xhigh', 'max'])
    .optional()
    .describe('Reasoning effort of the agent.'),
  timeout: duration().optional().describe('Longest run of this stage. Default: run_timeout_seconds.'),
  stall: duration()
    .optional()
    .describe('Longest silence of a run of this stage. Default: stall_timeout_seconds.'),
  max_turns: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Most turns of a run; one that comes to it is resumed once, then a person is asked.'),
  on_reject: text()
    .optional()
    .describe('Earlier stage that gets the findings when this one asks for changes.'),
  max_rounds: z
    .int()
    .min(1)
    .max(100)
    .default(DEFAULT_ROUNDS)
    .describe('How often this stage may send work back before a person is asked.'),
  account: name().optional().describe('Account that runs this stage. Default: the accounts of the project.'),
  reviewers: z
    .array(text())
    .max(100)
    .default([])
    .describe('People who may decide here; empty means anyone allowed to.'),
  approval: z
    .enum(['required', 'none'])
    .optional()
    .describe(
      'Whether a person approves the exact commit before the deploy. Default: `required` for kind deploy.',
    ),
  merge: z
    .enum(['auto', 'manual'])
    .optional()
    .describe(
      'Who merges: Orch or a person. For the deploy stage (default `auto`) or the last stage (`manual`).',
    ),
  command: text()
    .optional()
    .describe('Shell command of a command stage, or of a deploy stage after the merge.'),
  permission: z
    .enum(['default', 'bypass'])
    .default('default')
    .describe(
      '`bypass` lets the agent do anything; only inside a sandbox or with `unsafe: true` on the account.',
    ),
  prompt: text()
    .max(100_000)
    .optional()
    .describe(
      'Liquid template of the prompt; one word that ends in `.md` or `.liquid` names a file instead.',
    ),
  checks: z
    .array(text())
    .max(100)
    .optional()
    .describe('Checks of this stage instead of those of the project.'),
  when: z
    .strictObject({
      labels: z.array(text()).max(100).default([]).describe('The work item has one of these labels.'),
      paths: z.array(innerPath()).max(100).prefault([]).describe('The task changed a file that matches.'),
    })
    .optional()
    .describe(
      'The stage is skipped unless this holds. Not for kind deploy, nor for the first stage that writes.',
    ),
});

export type StageInput = z.output<typeof stageSchema>;
export type StageKind = StageInput['kind'];

const EVERYWHERE = ['stage', 'kind', 'on_reject', 'max_rounds', 'merge'];
const RUNNING = ['timeout', 'stall', 'checks'];

/** The keys that mean something in each kind; others are refused rather than ignored. */
export const KEYS_OF_KIND: Readonly<Record<StageKind, readonly string[]>> = {
  agent: [
    ...EVERYWHERE,
    ...RUNNING,
    'when',
    'agent',
    'tools',
    'model',
    'fallback_model',
    'effort',
    'max_turns',
    'account',
    'permission',
    'prompt',
  ],
  human: [...EVERYWHERE, 'when', 'reviewers'],
  command: [...EVERYWHERE, ...RUNNING, 'when', 'command'],
  deploy: [...EVERYWHERE, ...RUNNING, 'command', 'reviewers', 'approval'],
};

const DEFAULT_ROLES: Readonly<Record<string, Role>> = {
  analysis: 'analyst',
  architecture: 'architect',
  development: 'developer',
  review: 'reviewer',
  testing: 'tester',
};

/** The role of a stage of the default pipeline, which needs none of its own. */
export function defaultRole(stage: string): Role | null {
  return Object.hasOwn(DEFAULT_ROLES, stage) ? (DEFAULT_ROLES[stage] ?? null) : null;
}

export const DEFAULT_PIPELINE = [
  { stage: 'analysis' },
  { stage: 'architecture' },
  { stage: 'development' },
  { stage: 'review', on_reject: 'development' },
  { stage: 'testing', on_reject: 'development' },
  { stage: 'deploy', kind: 'deploy', approval: 'required', merge: 'auto' },
] as const;

/** The stages of `quick`, which every project has. */
export const QUICK_PIPELINE = DEFAULT_PIPELINE.filter(({ stage }) =>
  ['development', 'review', 'deploy'].includes(stage),
);

export function defaultTools(stage: string): 'read' | 'write' {
  return ['analysis', 'architecture', 'review'].includes(stage) ? 'read' : 'write';
}

/** The file a `prompt` names, or null when it is the template itself. */
export function promptFile(prompt: string): string | null {
  return /^\S+\.(md|liquid)$/.test(prompt) ? prompt : null;
}
