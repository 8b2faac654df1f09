/** What a unit is written from; all paths absolute. */
export interface UnitFacts {
  /** The user the service runs as; null in a unit of a user's own manager. */
  readonly user: string | null;
  /** `bin/orch`, through the link that an upgrade moves. */
  readonly program: string;
  readonly workingDirectory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Variables with secrets, read by the manager; it may be missing. */
  readonly secretsFile: string | null;
}

/**
 * A systemd unit for Orch. Agents outlive the service, so only its own process is ended (`KillMode`), one
 * that the kernel kills for its memory does not take the service along (`OOMPolicy`), and there is no private
 * `/tmp`, which would go with the service. Agents run in PID namespaces of their own with a `/proc` of their
 * own, so nothing that hides a part of `/proc` or refuses namespaces is set.
 */
export function unitText({ user, program, workingDirectory, environment, secretsFile }: UnitFacts): string {
  const lines = [
    '[Unit]',
    'Description=Orch, orchestrator of AI coding agents',
    ...(user === null ? [] : ['Wants=network-online.target', 'After=network-online.target']),
    'StartLimitIntervalSec=300',
    'StartLimitBurst=10',
    '',
    '[Service]',
    'Type=exec',
    ...(user === null ? [] : [`User=${user}`]),
    ...Object.entries(environment).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    ...(secretsFile === null ? [] : [`EnvironmentFile=-${specifiers(secretsFile)}`]),
    `WorkingDirectory=${specifiers(workingDirectory)}`,
    `ExecStart=${quoted(program).replaceAll('$', '$$$$')} up`,
    'Restart=on-failure',
    'RestartSec=5',
    'KillMode=process',
    'OOMPolicy=continue',
    'TimeoutStopSec=30',
    ...(user === null ? [] : ['TasksMax=infinity']),
    'UMask=0077',
    'NoNewPrivileges=yes',
    'LockPersonality=yes',
    'RestrictRealtime=yes',
    // Needs a manager with privileges: a user's own would make a user namespace for it.
    ...(user === null ? [] : ['ProtectSystem=full', 'ProtectKernelModules=yes']),
    '',
    '[Install]',
    `WantedBy=${user === null ? 'default.target' : 'multi-user.target'}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** A word as systemd reads it back. */
function quoted(text: string): string {
  return `"${specifiers(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function specifiers(text: string): string {
  return text.replaceAll('%', '%%');
}
