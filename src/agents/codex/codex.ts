import type { Agent } from '../agent.ts';
import { shellCommand } from '../login-command.ts';
import { askVersion } from '../version.ts';
import { credentialFilesOf } from './credential-files.ts';
import { environmentOf, invocationOf } from './invocation.ts';
import { judge } from './judge.ts';
import { judgeSignIn } from './sign-in.ts';
import { hasTranscript } from './transcript.ts';

const STANDARD_PATH = '/usr/local/bin:/usr/bin:/bin';

/** Codex CLI, driven by `codex exec`: the CLI's own installation and login, never its tokens. */
export const codex = { kind: 'codex', create } as const;

function create({ searchPath = STANDARD_PATH }: { readonly searchPath?: string } = {}): Agent {
  return {
    kind: 'codex',
    recordedVersions: ['0.169.0'],
    version: (account) => askVersion(account, { product: 'Codex', searchPath, env: environmentOf(account) }),
    signIn: judgeSignIn,
    credentialFiles: (account) => Object.values(credentialFilesOf(account)),
    loginCommand(account) {
      const { HOME = account.home, CODEX_HOME } = environmentOf(account);
      const places = { HOME, ...(CODEX_HOME === undefined ? {} : { CODEX_HOME }) };
      return shellCommand(places, [account.bin, 'login']);
    },
    canResume: hasTranscript,
    invocation: invocationOf,
    judge,
  };
}
