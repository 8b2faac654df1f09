import type { AgentAccount, AgentRequest, Invocation, ToolProfile } from '../agent.ts';
import { checkedValue, NAME, promptWithInstructions } from '../start-values.ts';
import { SESSION_ID } from './session.ts';

const PRODUCT = 'opencode';

const GIT_READS = ['log', 'diff', 'show', 'status', 'blame', 'ls-files', 'rev-parse', 'merge-base'];
const LOOKING = ['read', 'glob', 'grep', 'list', 'lsp', 'todoread', 'todowrite'];

type Permission = 'allow' | 'deny';
type Rules = Readonly<Record<string, Permission | Readonly<Record<string, Permission>>>>;

/**
 * The last rule that fits decides. Nothing is ever asked: nobody is there to answer, and a question
 * that is refused ends the run at once, where a plain "deny" only tells the model so.
 */
const PERMISSIONS: Readonly<Record<ToolProfile, Rules>> = {
  read: {
    '*': 'deny',
    ...allow(LOOKING),
    edit: { '*': 'deny', '.orch-work/*': 'allow' },
    bash: {
      '*': 'deny',
      ...allow(GIT_READS.flatMap((command) => [`git ${command}`, `git ${command} *`])),
      // The reading commands of git have an option that writes, and so does a shell.
      'git * --output*': 'deny',
      '*>*': 'deny',
    },
  },
  write: { '*': 'deny', ...allow([...LOOKING, 'edit', 'bash', 'skill']) },
};

/** Off for every run, whatever the account says. */
const ENFORCED_ENV: Readonly<Record<string, string>> = {
  // Clock times in messages are printed in the zone of the process.
  TZ: 'UTC',
  LANG: 'C.UTF-8',
  OPENCODE_DISABLE_AUTOUPDATE: '1',
  OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
  OPENCODE_DISABLE_SHARE: '1',
  // A repository's own configuration could run commands and redirect the key.
  OPENCODE_DISABLE_PROJECT_CONFIG: '1',
};

/**
 * How the CLI is started for one attempt. The prompt goes to stdin, after the repository's
 * instructions. Plugins and a repository's own configuration are switched off. Turns, cost and a
 * fallback model are not the CLI's to bound.
 * Throws `agent.invalid_request` when a value from outside is none that the CLI would take.
 */
export function invocationOf(request: AgentRequest): Invocation {
  const { account, session, tools } = request;
  if (request.fallbackModel !== undefined)
    checkedValue(PRODUCT, 'fallback-model', request.fallbackModel, NAME);
  // Reviews never need it, and it would let them write.
  const isBypassed = request.bypassPermissions && tools === 'write';
  const argv = [
    account.bin,
    'run',
    ...['--format', 'json'],
    '--pure',
    ...option('model', request.model, '-m'),
    ...option('effort', request.effort, '--variant'),
    ...(session.resume ? ['-s', checkedValue(PRODUCT, 'session', session.id, SESSION_ID)] : []),
  ];
  return {
    argv,
    env: {
      ...environmentOf(account),
      ...ENFORCED_ENV,
      OPENCODE_PERMISSION: JSON.stringify(isBypassed ? { '*': 'allow' } : PERMISSIONS[tools]),
    },
    stdin: promptWithInstructions(request),
  };
}

export function environmentOf(account: AgentAccount): Record<string, string> {
  return { ...account.env, HOME: account.home };
}

function option(name: string, value: string | undefined, flag: string): string[] {
  return value === undefined ? [] : [flag, checkedValue(PRODUCT, name, value, NAME)];
}

function allow(names: readonly string[]): Record<string, Permission> {
  return Object.fromEntries(names.map((name) => [name, 'allow']));
}
