import type { AgentReader } from '../agent.ts';
import { shellCommand } from '../login-command.ts';
import { judge } from './judge.ts';
import { configOf, judgeSignIn } from './sign-in.ts';

/**
 * GitHub Copilot CLI: its runs and its sign-in are judged, none is started. Its prompt goes by argument
 * alone, which is too small for ours and readable by every process of the machine.
 */
export const copilot = { kind: 'copilot', create } as const;

function create(): AgentReader {
  return {
    kind: 'copilot',
    recordedVersions: ['1.0.102'],
    signIn: judgeSignIn,
    credentialFiles: (account) => [configOf(account)],
    loginCommand: ({ home, bin }) => shellCommand({ HOME: home }, [bin, 'login']),
    judge,
  };
}
