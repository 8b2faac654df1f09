import type { AgentReader } from '../agent.ts';
import { shellCommand } from '../login-command.ts';
import { judge } from './judge.ts';
import { credentialFilesOf, judgeSignIn } from './sign-in.ts';

/**
 * Gemini CLI: its runs and its sign-in are judged, none is started. It takes edits and commands only with
 * every approval off, in a folder it is told to trust, whose own settings it then obeys.
 */
export const gemini = { kind: 'gemini', create } as const;

function create(): AgentReader {
  return {
    kind: 'gemini',
    recordedVersions: ['0.61.0'],
    signIn: judgeSignIn,
    credentialFiles: (account) => Object.values(credentialFilesOf(account)),
    loginCommand: ({ home, bin }) => shellCommand({ HOME: home }, [bin]),
    judge,
  };
}
