import { isAbsolute, join } from 'node:path';
import { isJsonObject, type JsonObject } from '../json-documents.ts';
import { type LocalFile, readLocalFile } from '../local-file.ts';

/** What user settings say about the sign-in. */
export interface UserSettings {
  readonly env: Readonly<Record<string, string>>;
  /** A command that prints the key; empty when there is none. A blank one is run all the same, and fails. */
  readonly apiKeyHelper: string;
  /** Where `env.CLAUDE_CONFIG_DIR` of the settings moved settings and login to (not `.claude.json`); null when it did not. */
  readonly movedTo: string | null;
  readonly isTooLarge: boolean;
}

/** Reads user settings as the CLI would; a file that is not JSON counts as none. Never throws. */
export async function readUserSettings(path: string): Promise<UserSettings> {
  const first = await readLocalFile(path, { allowMark: true });
  const firstEnv = envOf(first.value);
  const named = firstEnv['CLAUDE_CONFIG_DIR'] ?? '';
  const movedTo = isAbsolute(named) ? named : null;
  const second: LocalFile | null =
    movedTo === null ? null : await readLocalFile(join(movedTo, 'settings.json'), { allowMark: true });
  return {
    env: { ...firstEnv, ...envOf(second?.value ?? null) },
    apiKeyHelper: helperOf(second?.value ?? null) || helperOf(first.value),
    movedTo,
    isTooLarge: first.kind === 'too_large' || second?.kind === 'too_large',
  };
}

/** The CLI turns every value into a string, whatever it was: a number or even null is a key of that name. */
function envOf(settings: JsonObject | null): Record<string, string> {
  const block = settings?.['env'];
  if (!isJsonObject(block)) return {};
  return Object.fromEntries(
    Object.entries(block).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
}

function helperOf(settings: JsonObject | null): string {
  const helper = settings?.['apiKeyHelper'];
  return typeof helper === 'string' ? helper : '';
}
