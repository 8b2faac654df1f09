import type { AgentAccount, AgentRequest, Invocation } from '../agent.ts';
import { checkedValue, NAME, promptWithInstructions, UUID } from '../start-values.ts';
import { codexHomeOf } from './credential-files.ts';

const PRODUCT = 'Codex';

/** Off for every run, whatever the user's configuration says. */
const ENFORCED_CONFIG = [
  'check_for_update_on_startup=false',
  'analytics.enabled=false',
  'features.plugins=false',
  // Nobody is there to answer.
  'approval_policy="never"',
  // Instructions come with the prompt, from the base branch; the worktree's own may be the agent's.
  'project_doc_max_bytes=0',
];

const ENFORCED_ENV: Readonly<Record<string, string>> = {
  // Clock times in messages are printed in the zone of the process.
  TZ: 'UTC',
  LANG: 'C.UTF-8',
};

/**
 * How the CLI is started for one attempt. The prompt goes to stdin, after the repository's
 * instructions. Both tool profiles may write in the worktree, since a hand-in has to be written
 * somewhere: the sandbox knows no single folder. It never lets the model write `.git`; Orch commits
 * what was left. Turns, cost and a fallback model are not the CLI's to bound.
 * Throws `agent.invalid_request` when a value from outside is none that the CLI would take.
 */
export function invocationOf(request: AgentRequest): Invocation {
  const { account, session, worktree } = request;
  if (request.fallbackModel !== undefined)
    checkedValue(PRODUCT, 'fallback-model', request.fallbackModel, NAME);
  const isBypassed = request.bypassPermissions && request.tools === 'write';
  const config = [
    ...ENFORCED_CONFIG,
    // An untrusted project's own `.codex/` (configuration, hooks, rules) is passed over.
    `projects={${JSON.stringify(worktree)}={trust_level="untrusted"}}`,
    ...(request.effort === undefined
      ? []
      : [`model_reasoning_effort="${checkedValue(PRODUCT, 'effort', request.effort, NAME)}"`]),
  ];
  const argv = [
    account.bin,
    'exec',
    '--json',
    '--skip-git-repo-check',
    ...(isBypassed ? ['--dangerously-bypass-approvals-and-sandbox'] : ['-s', 'workspace-write']),
    ...config.flatMap((entry) => ['-c', entry]),
    ...(request.model === undefined ? [] : ['-m', checkedValue(PRODUCT, 'model', request.model, NAME)]),
    ...(session.resume ? ['resume', checkedValue(PRODUCT, 'session', session.id, UUID)] : []),
    '-',
  ];
  return {
    argv,
    env: { ...environmentOf(account), ...ENFORCED_ENV },
    stdin: promptWithInstructions(request),
  };
}

/** The account's own variables; a relative `CODEX_HOME` would send the CLI looking for its login in the worktree. */
export function environmentOf(account: AgentAccount): Record<string, string> {
  const { CODEX_HOME: named = '', ...env } = account.env;
  return {
    ...env,
    HOME: account.home,
    ...(named.trim() === '' ? {} : { CODEX_HOME: codexHomeOf(account) }),
  };
}
