import { z } from 'zod';
import type { Agent } from '../agent.ts';
import { askVersion } from '../version.ts';
import { credentialFilesOf } from './credential-files.ts';
import { environmentOf, invocationOf } from './invocation.ts';
import { judge } from './judge.ts';
import { loginCommandOf } from './login-command.ts';
import { readable } from './readable.ts';
import { judgeSignIn } from './sign-in.ts';
import { hasTranscript } from './transcript.ts';
import { turn } from './turn.ts';

const KIND = 'claude-code';
const STANDARD_PATH = '/usr/local/bin:/usr/bin:/bin';

export interface ClaudeCodeOptions {
  /** The PATH on which `--version` looks a bare `bin` up: the one that the launcher gives its runs. */
  readonly searchPath?: string;
  readonly platform?: NodeJS.Platform;
}

/** What an account of this kind may say beyond what every account may. */
const configSchema = z.strictObject({
  bin: z
    .string()
    .min(1)
    .default('claude')
    .describe('The Claude Code binary; a bare name is looked up on PATH.'),
  credentials_path: z
    .string()
    .min(1)
    .optional()
    .describe('Stored login, where it is not `<home>/.claude/.credentials.json`.'),
});

/** Claude Code, driven headless: the CLI's own installation and login, never its tokens. */
export const claudeCode = { kind: KIND, configSchema, create } as const;

function create({ searchPath = STANDARD_PATH, platform = process.platform }: ClaudeCodeOptions = {}): Agent {
  return {
    kind: KIND,
    recordedVersions: ['1.0.80', '2.0.60', '2.1.197', '2.1.330'],
    version: (account) =>
      askVersion(account, {
        product: 'Claude Code',
        searchPath,
        env: { ...environmentOf(account), DISABLE_AUTOUPDATER: '1' },
      }),
    signIn: (account, options) => judgeSignIn(account, { ...options, platform }),
    credentialFiles: (account) => Object.values(credentialFilesOf(account)),
    loginCommand: loginCommandOf,
    canResume: hasTranscript,
    invocation: invocationOf,
    judge,
    readable,
    turn,
  };
}
