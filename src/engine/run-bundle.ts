import { lstat, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Run, runName } from '../core/model.ts';
import { redact } from '../lib/redact.ts';
import { openRegular } from '../lib/regular-file.ts';
import type { TextFile } from '../lib/tar-gz.ts';
import { projectVariables } from './environment.ts';
import type { Runtime } from './runtime.ts';

/** Of a log the end is kept: what decides is there. */
const MAX_LOG_BYTES = 2 * 1024 * 1024;
const MAX_FILE_BYTES = 256 * 1024;
/** Commands of a run (setup, checks, teardown) whose output is put in. */
const MAX_COMMANDS = 20;
/** What Orch, the supervisor and the agent write about a run, and how much of each is kept. */
const FILES: readonly (readonly [name: string, bytes: number])[] = [
  ['run.json', MAX_FILE_BYTES],
  ['exit.json', MAX_FILE_BYTES],
  ['supervisor.json', MAX_FILE_BYTES],
  ['stop', MAX_FILE_BYTES],
  ['prompt.md', MAX_FILE_BYTES],
  ['run.log', MAX_LOG_BYTES],
  ['stderr.log', MAX_LOG_BYTES],
  ['run.times', MAX_FILE_BYTES],
];
const COMMANDS = /^(setup|check|command|teardown)(-[\w.-]+)?$/;
/** A key whose beginning was cut off would not be known for one. */
const END_OF_KEY = /^(?:(?!-----BEGIN )[\s\S])*?-----END [A-Z ]{0,40}PRIVATE KEY-----/;

/**
 * All that somebody needs to find out what went wrong with a run, to be passed on: its files, with keys, tokens,
 * passwords, e-mail addresses and homes taken out, and `facts` beside them. Bounded in size, whatever the run wrote.
 */
export function createRunBundles(parts: {
  readonly runtime: () => Runtime;
  readonly secrets: () => readonly string[];
}) {
  return async function bundle(run: Run, project: string, facts: object): Promise<TextFile[]> {
    const { accounts, projects } = parts.runtime();
    const own = projects.get(project);
    // A file of variables that cannot be read now holds nothing that a log could show by its value.
    const variables = own === undefined ? {} : await projectVariables(own).catch(() => own.env);
    const options = {
      secrets: [
        ...parts.secrets(),
        ...Object.values(variables),
        ...[...accounts.values()].flatMap(({ account }) => Object.values(account.env)),
      ],
      homes: [homedir(), ...[...accounts.values()].map(({ account }) => account.home)],
    };
    const clean = (text: string) => redact(text.replace(END_OF_KEY, '[secret]'), options);
    const files: TextFile[] = [{ name: 'bundle.json', text: clean(`${JSON.stringify(facts, null, 2)}\n`) }];
    for (const [name, bytes] of FILES) await add(files, run.directory, name, bytes, clean);
    for (const folder of await commandsOf(run.directory))
      for (const name of ['run.json', 'exit.json', 'run.log'])
        await add(files, run.directory, `${folder}/${name}`, MAX_FILE_BYTES, clean);
    return files;
  };
}

async function add(
  files: TextFile[],
  directory: string,
  name: string,
  bytes: number,
  clean: (text: string) => string,
): Promise<void> {
  const end = await endOf(join(directory, name), bytes);
  if (end === null) return;
  const { text, leftOut } = end;
  const head = leftOut === 0 ? '' : `[the first ${leftOut} bytes of ${name} are left out]\n`;
  files.push({ name, text: head + clean(text) });
}

/** Real folders only: an agent may have put links there, to whatever its user can read. */
async function commandsOf(directory: string): Promise<string[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => COMMANDS.test(name)).sort();
  const found: string[] = [];
  for (const name of names.slice(0, MAX_COMMANDS))
    if ((await lstat(join(directory, name))).isDirectory()) found.push(name);
  return found;
}

/** The end of a file, from the beginning of a line; null when there is none, or it is no plain file. */
async function endOf(path: string, bytes: number): Promise<{ text: string; leftOut: number } | null> {
  const opened = await openRegular(path);
  if (opened === null) return null;
  const { file, size } = opened;
  try {
    const length = Math.min(size, bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const start = length < size ? buffer.subarray(0, bytesRead).indexOf(10) + 1 : 0;
    return { text: buffer.toString('utf8', start, bytesRead), leftOut: size - length + start };
  } finally {
    await file.close();
  }
}

/** Names the archive and the folder in it. */
export function bundleName(run: Run): string {
  return `${runName(run.id)}-bundle`;
}
