import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runStep } from '../../launcher/step.ts';
import type { StageContext } from '../stage.ts';
import { stepOf } from './context-facts.ts';

/** Files whose change means that dependencies changed. */
const LOCKFILES = [
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  'pnpm-lock.yaml',
  'bun.lock',
  'composer.lock',
  'Gemfile.lock',
  'Cargo.lock',
  'go.sum',
  'poetry.lock',
  'uv.lock',
  'Pipfile.lock',
  'requirements.txt',
];

/**
 * Runs the project's setup in a clone: once, and again when a setup command or a lockfile changed. What
 * was set up is noted beside the clone, after the last command succeeded, so a failed or interrupted
 * setup runs again. Returns null, or what failed.
 */
export async function setUp(
  context: StageContext,
  clone: { path: string; created: boolean },
): Promise<string | null> {
  const commands = context.project.setup;
  if (commands.length === 0) return null;
  const marker = `${clone.path}.setup`;
  const wanted = await fingerprint(commands, clone.path);
  if (!clone.created && (await readFile(marker, 'utf8').catch(() => '')) === wanted) return null;
  for (const [i, command] of commands.entries()) {
    const { exit, outputTail } = await runStep(stepOf(context, clone.path, `setup-${i + 1}`, command));
    if (exit.exitCode !== 0)
      return `setup failed: ${command} (exit ${exit.exitCode ?? exit.signal ?? 'none'})\n${outputTail.slice(-4000)}`;
  }
  await writeFile(marker, wanted, { mode: 0o600 });
  return null;
}

async function fingerprint(commands: readonly string[], path: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(commands));
  for (const name of LOCKFILES)
    hash.update(`\n${name}:`).update(await readFile(join(path, name)).catch(() => ''));
  return hash.digest('hex');
}
