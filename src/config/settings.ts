import { z } from 'zod';
import { refuse, seconds, secret, text, url } from './fields.ts';

/**
 * Every `ORCH_*` setting: `max_concurrency` in orch.yaml is `ORCH_MAX_CONCURRENCY` in the
 * environment. Keys without a default here are empty, or derived from `home` (`DERIVED`).
 */
export const settingShape = {
  home: text().optional().describe('Folder of the state.'),
  db_path: text().optional().describe('SQLite file.'),
  database_url: z
    .string()
    .transform((_, ctx) =>
      refuse(ctx, 'PostgreSQL is not available in this version', 'unset it; db_path names the SQLite file'),
    )
    .optional()
    .describe('Address of PostgreSQL. Not available in this version: leave it unset.'),
  repos_dir: text().optional().describe('Folder of the bare repositories.'),
  worktrees_dir: text().optional().describe('Folder of the working copies.'),
  runs_dir: text().optional().describe('Folder of the run records and logs.'),
  host: text().default('127.0.0.1').describe('Address the server listens on.'),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(8044)
    .describe('Port the server listens on; 0 takes any free one.'),
  public_url: url().optional().describe('Address under which people reach the server; used in links.'),
  log_level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least severe log line that is written.'),

  agent_home: text().optional().describe('Home of accounts that name none. `AGENT_HOME` is read too.'),
  claude_bin: text().default('claude').describe('Claude Code: a path, or a name looked up on PATH.'),
  claude_credentials_path: text()
    .optional()
    .describe('Stored login of Claude Code, where it is not `.claude/.credentials.json` in the home.'),
  preflight_check_auth: z
    .boolean()
    .default(true)
    .describe('Judge the sign-in before each claim; false checks only that the CLI starts.'),
  preflight_cache_ttl: seconds()
    .default(60)
    .describe('Seconds for which a preflight result is kept per account.'),
  auth_expiry_skew_seconds: seconds()
    .default(60)
    .describe('A sign-in that expires within this many seconds counts as expired.'),
  preflight_auth_strict: z
    .boolean()
    .default(false)
    .describe('Never start on an expired sign-in, not even one run that could renew it.'),
  probe_interval_seconds: seconds({ positive: true })
    .default(300)
    .describe('Least seconds between two probes of a held account.'),

  max_concurrency: z.int().min(1).max(1000).default(2).describe('Runs at the same time, over all projects.'),
  max_attempts: z.int().min(1).max(100).default(3).describe('Attempts of a job before it fails.'),
  max_transient_attempts: z
    .int()
    .min(0)
    .max(1000)
    .default(8)
    .describe('Transient failures (overload, network) of a job before it fails.'),
  max_lost_attempts: z.int().min(0).max(1000).default(3).describe('Lost runs of a job before it fails.'),
  backoff_base_seconds: seconds({ positive: true })
    .default(10)
    .describe('First delay after a transient failure.'),
  backoff_max_seconds: seconds({ positive: true })
    .default(900)
    .describe('Longest delay after a transient failure.'),
  breaker_threshold: z
    .int()
    .min(1)
    .max(1000)
    .default(5)
    .describe('Transient failures in a row that open the breaker of an account.'),
  breaker_cooldown_seconds: seconds({ positive: true })
    .default(120)
    .describe('Seconds an open breaker waits before it lets one probe through.'),
  run_timeout_seconds: seconds({ positive: true })
    .default(7200)
    .describe('Longest run; a stage may name its own.'),
  stall_timeout_seconds: seconds({ positive: true })
    .default(900)
    .describe('Longest silence of a run; a stage may name its own.'),
  lease_seconds: seconds({ positive: true })
    .default(30)
    .describe('How long a claim holds without a heartbeat.'),

  gitea_url: url().optional().describe('Address of Gitea.'),
  gitea_token: secret().optional().describe('Token of the Gitea user that Orch works as.'),
  gitea_reviewer_token: secret().optional().describe('Token of the Gitea user that writes reviews.'),
  gitea_webhook_secret: secret()
    .optional()
    .describe('Secret of the Gitea webhook; its route is live only when set.'),
  plane_url: url().optional().describe('Address of Plane.'),
  plane_workspace: text().optional().describe('Workspace in Plane.'),
  plane_api_token: secret().optional().describe('API token for Plane.'),
  plane_webhook_secret: secret()
    .optional()
    .describe('Secret of the Plane webhook; its route is live only when set.'),
  github_url: url().optional().describe('Address of GitHub.'),
  github_token: secret().optional().describe('Token of the GitHub user that Orch works as.'),
  github_reviewer_token: secret().optional().describe('Token of the GitHub user that writes reviews.'),
  github_webhook_secret: secret()
    .optional()
    .describe('Secret of the GitHub webhook; its route is live only when set.'),
  telegram_bot_token: secret().optional().describe('Token of the Telegram bot.'),
  telegram_chat_id: z
    .union([z.string().min(1), z.int()], { error: 'is not a chat id' })
    .meta({ examples: ['-1001234567890'] })
    .transform(String)
    .optional()
    .describe('Telegram chat that is told.'),
  telegram_api_url: url().prefault('https://api.telegram.org').describe('Address of the Telegram bot API.'),
  api_token: secret().optional().describe('Token of the first admin, for the API and the CLI.'),
};

export type SettingKey = keyof typeof settingShape;
export type Settings = z.output<z.ZodObject<typeof settingShape>>;

export const SETTING_KEYS = Object.keys(settingShape) as SettingKey[];

/** Defaults that follow `home`. */
export const DERIVED: Partial<Record<SettingKey, string>> = {
  home: '~/.orch',
  db_path: '$ORCH_HOME/orch.db',
  repos_dir: '$ORCH_HOME/repos',
  worktrees_dir: '$ORCH_HOME/worktrees',
  runs_dir: '$ORCH_HOME/runs',
};

/** A running server keeps these as they were at its start. */
export const NEEDS_RESTART: readonly SettingKey[] = [
  'home',
  'db_path',
  'repos_dir',
  'worktrees_dir',
  'runs_dir',
  'host',
  'port',
];

/** Known variables of ours that are no settings. */
export const KNOWN_VARIABLES: readonly string[] = [
  'ORCH_CONFIG',
  'ORCH_NODE_OPTIONS',
  'ORCH_RUN_ID',
  'ORCH_SLOT',
  'ORCH_PORT_BASE',
  'ORCH_SHARED_DIR',
  'ORCH_TEST_REQUIRE',
];

const SECRETS: ReadonlySet<string> = new Set<SettingKey>([
  'database_url',
  'gitea_token',
  'gitea_reviewer_token',
  'gitea_webhook_secret',
  'plane_api_token',
  'plane_webhook_secret',
  'github_token',
  'github_reviewer_token',
  'github_webhook_secret',
  'telegram_bot_token',
  'api_token',
]);

export function isSecretSetting(key: string): boolean {
  return SECRETS.has(key);
}

export function envName(key: string): string {
  return `ORCH_${key.toUpperCase()}`;
}
