import type { Agent } from '../agent.ts';
import { shellCommand } from '../login-command.ts';
import { askVersion } from '../version.ts';
import { environmentOf, invocationOf } from './invocation.ts';
import { judge } from './judge.ts';
import { placesOf } from './places.ts';
import { hasSession } from './session.ts';
import { judgeSignIn } from './sign-in.ts';
import { turn } from './turn.ts';

const STANDARD_PATH = '/usr/local/bin:/usr/bin:/bin';
/** They move the CLI's files, so a person has to sign in with them too. */
const MOVING = ['XDG_DATA_HOME', 'XDG_CONFIG_HOME'];

/** opencode, driven by `opencode run`: the CLI's own installation and logins, never their tokens. */
export const opencode = { kind: 'opencode', create } as const;

function create({ searchPath = STANDARD_PATH }: { readonly searchPath?: string } = {}): Agent {
  return {
    kind: 'opencode',
    recordedVersions: ['1.18.33'],
    version: (account) =>
      askVersion(account, {
        product: 'opencode',
        searchPath,
        env: { ...environmentOf(account), OPENCODE_DISABLE_AUTOUPDATE: '1' },
      }),
    signIn: judgeSignIn,
    credentialFiles(account) {
      const { login, configs } = placesOf(account);
      return [login, ...configs];
    },
    loginCommand(account) {
      const moved = Object.entries(account.env).filter(([name]) => MOVING.includes(name));
      return shellCommand({ HOME: account.home, ...Object.fromEntries(moved) }, [
        account.bin,
        'auth',
        'login',
      ]);
    },
    canResume: hasSession,
    invocation: invocationOf,
    judge,
    turn,
  };
}
