/** Which fence around a run's processes this machine offers. */
import { runProgram } from '../lib/program.ts';

/** Where the supervisor finds its tools; the agent gets the caller's PATH, not this one. */
export const SYSTEM_PATH =
  '/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin:/run/current-system/sw/bin';

export type Isolation =
  | { readonly kind: 'pid-namespace'; readonly enter: readonly string[]; readonly pdeath: true }
  | { readonly kind: 'process-tree'; readonly why: string; readonly pdeath: boolean };

/** Dies with the process that started it; kept over exec. */
export const DIE_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL'] as const;

/** Its first process dies with unshare(1), and with it everything in the namespace. */
const PID_NAMESPACE = ['--pid', '--fork', '--mount-proc', '--kill-child', '--'];
const PROBE_TIMEOUT_MS = 5_000;
const MAX_WORDS_BYTES = 64 * 1024;

/** Tries it for real, about 10 ms: kernels, containers and security modules all have a say. */
export async function findIsolation(wanted: 'auto' | 'none'): Promise<Isolation> {
  let why = wanted === 'none' ? 'isolation: none' : '';
  for (const namespaces of wanted === 'none' ? [] : allowedNamespaces()) {
    const enter = [...DIE_WITH_PARENT, 'unshare', ...namespaces];
    const refused = await tryOut([...enter, 'sh', '-c', 'test $$ = 1 && test -e /proc/1/stat']);
    if (refused === null) return { kind: 'pid-namespace', enter, pdeath: true };
    why ||= refused;
  }
  return { kind: 'process-tree', why, pdeath: (await tryOut([...DIE_WITH_PARENT, 'true'])) === null };
}

/** Root needs no user namespace, and without one it keeps its rights over other users' files. */
function allowedNamespaces(): string[][] {
  const ofUser = ['--user', '--map-current-user', ...PID_NAMESPACE];
  return process.geteuid?.() === 0 ? [PID_NAMESPACE, ofUser] : [ofUser];
}

/** Null when the command ends well, else why not. */
async function tryOut([command = '', ...args]: readonly string[]): Promise<string | null> {
  const { exitCode, stderr, errorCode } = await runProgram(command, args, {
    env: { PATH: SYSTEM_PATH },
    cwd: '/',
    timeoutMs: PROBE_TIMEOUT_MS,
    maxStdoutBytes: MAX_WORDS_BYTES,
    maxStderrBytes: MAX_WORDS_BYTES,
  });
  if (exitCode === 0) return null;
  const words = stderr.toString('utf8').trim().split('\n')[0] ?? '';
  if (words !== '') return words;
  return errorCode === 'ENOENT' ? `${command} not found (it is part of util-linux)` : `${command} failed`;
}
