import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AppError, messageOf } from '../core/errors.ts';
import type { ConfigRow } from './describe.ts';
import { variable } from './environment.ts';
import { configPlaces, type LoadedConfig, type LoadOptions, loadConfig, readTextFile } from './load.ts';
import { keyOf, printable } from './problems.ts';
import { readSecrets, secretsPath, withSecrets } from './secrets-file.ts';
import { envName, isSecretSetting, SETTING_KEYS } from './settings.ts';
import { changedText, parsedValue, YamlTrouble } from './yaml-edit.ts';
import { parseYaml } from './yaml-file.ts';

export interface ConfigEdit {
  /** Places in orch.yaml, each with its value as the file would write it (`15m`, `[a, b]`); null removes the key. */
  readonly values: readonly {
    readonly path: readonly (string | number)[];
    readonly text: string | null;
    /** Refused where the key is there: what is added under its name would replace it. */
    readonly isNew?: boolean | undefined;
  }[];
  /** Secret settings by the name of their variable; null removes the line. */
  readonly secrets: Readonly<Record<string, string | null>>;
  /** `revisionOf` what the change was made for; null = whatever is there. */
  readonly revision: string | null;
}

export interface ConfigChangeLine {
  /** As `orch config` spells it. */
  readonly key: string;
  /** As they may be printed: secrets masked, lists and mappings only named. */
  readonly before: string | null;
  readonly after: string | null;
}

/** A change that holds, and is not written yet. */
export interface Draft {
  readonly file: string;
  /** The configuration as it would be. */
  readonly loaded: LoadedConfig;
  readonly changes: readonly ConfigChangeLine[];
  /** Variables of the secrets that are set already. */
  readonly known: readonly string[];
  /** Each key with a new value, down into lists. */
  readonly touched: readonly string[];
  /** Of the files before the change. */
  readonly revision: string;
  readonly next: Texts;
}

interface Texts {
  readonly config: string;
  /** Null: there is no secrets file. */
  readonly secrets: string | null;
}

/** A mark of orch.yaml and its secrets as they are now: another one after every change of either. */
export function revisionOf(options: LoadOptions): string {
  return markOf(textsAt(fileOf(options)));
}

/**
 * What a change would make of orch.yaml, checked whole. Writes nothing. Throws AppError: `config.invalid` with every
 * problem, `config.changed` when the files are not those of `revision`, `config.set_elsewhere` for what a variable of
 * the environment decides, `config.exists` for what is to be new and is not, `config.secret` and `config.not_secret`
 * for a value in the wrong one of the two files.
 */
export function draftOf(edit: ConfigEdit, options: LoadOptions): Draft {
  const file = fileOf(options);
  const before = textsAt(file);
  const revision = markOf(before);
  if (edit.revision !== null && edit.revision !== revision) throw changedMeanwhile();
  const was = parseYaml(before.config).raw;
  for (const { path, isNew = false } of edit.values) {
    refuseSetting(path, options);
    if (isNew) refuseKnown(path, was);
  }
  for (const [name, text] of Object.entries(edit.secrets)) refuseSecret(name, text, options);
  const next: Texts = {
    config: edit.values.reduce((text, { path, text: value }) => changed(text, path, value), before.config),
    secrets: withSecrets(before.secrets, edit.secrets),
  };
  const overlay = new Map([
    [file, next.config],
    [secretsPath(file), next.secrets],
  ]);
  const loaded = loadConfig({
    ...options,
    file,
    readFile: (path) => (overlay.has(path) ? (overlay.get(path) ?? null) : readTextFile(path)),
  });
  const is = parseYaml(next.config).raw;
  const changes = [...difference(was, is, []), ...secretChanges(file, before, edit.secrets)];
  const there = new Set(leavesOf(was, []).map(({ name, text }) => `${name} ${text}`));
  const touched = leavesOf(is, []).filter(({ name, text }) => !there.has(`${name} ${text}`));
  const secrets = { ...readSecrets(file, () => before.secrets)?.values, ...options.env };
  const known = SETTING_KEYS.filter(
    (key) => isSecretSetting(key) && (was[key] !== undefined || variable(secrets, envName(key)) !== null),
  ).map(envName);
  return { file, loaded, changes, known, touched: touched.map(({ key }) => key), revision, next };
}

/**
 * Puts a draft in force: each file is replaced whole, secrets first, with its rights kept. Throws `config.changed`
 * when a file changed since the draft was made, `config.read_only` when it cannot be written.
 */
export function writeDraft({ file, revision, next }: Draft): void {
  const now = textsAt(file);
  if (markOf(now) !== revision) throw changedMeanwhile();
  const secretsFile = secretsPath(file);
  try {
    if (next.secrets !== null && next.secrets !== now.secrets) replace(secretsFile, next.secrets, 0o600);
    const there = statSync(file, { throwIfNoEntry: false });
    // Secrets count beside an orch.yaml alone.
    if (next.config !== now.config || there === undefined)
      replace(realPath(file), next.config, there?.mode ?? 0o644);
  } catch (error) {
    throw new AppError(`${file} cannot be written: ${messageOf(error)}`, {
      code: 'config.read_only',
      hint: 'edit it where it is kept, or let the service write there',
      cause: error,
    });
  }
}

/** Why a value cannot be changed where it is shown; `secret`: its text can, and is never shown. Null: it can. */
export type Lock = 'environment' | 'machine' | 'secret' | null;

export function lockOf({ key, env }: Pick<ConfigRow, 'key' | 'env'>, options: LoadOptions): Lock {
  if (env !== null && variable(options.env, env) !== null) return 'environment';
  if (OF_THE_MACHINE.test(key)) return 'machine';
  return env !== null && isSecretSetting(key) ? 'secret' : null;
}

/** Folders, programs, files and guards of the machine, and what an agent's CLI talks to: decided on at the machine. */
const OF_THE_MACHINE =
  /(?:^|\.)(?:home|host|port|bin|copy|env_file|prompt|agent_home|database_url|isolation|sandbox|unsafe|\w+_(?:bin|path|dir))(?:$|[.[])|^accounts\.[^.]+\.env\b/;

/** Throws `config.machine_only` for what may not be changed from elsewhere, whoever asks. */
export function refuseFromElsewhere({ changes, touched, known, file }: Draft): void {
  const refusal = (message: string) =>
    new AppError(message, {
      code: 'config.machine_only',
      hint: `edit ${file} on the machine, or run orch config set there`,
    });
  const own = changes.filter(isOwnHome).map(({ key }) => key);
  const keys = [...touched, ...changes.map(({ key }) => key)];
  const found = keys.find((key) => OF_THE_MACHINE.test(key) && !own.includes(key));
  if (found !== undefined) throw refusal(`${found} is decided on at the machine`);
  for (const { key } of changes) {
    const vendor = /^(gitea|github|plane|telegram)\w*_url$/.exec(key)?.[1];
    const isSent = (name: string) =>
      name.startsWith(envName(`${vendor}_`)) && !changes.some((each) => each.key === name);
    if (vendor !== undefined && known.some(isSent))
      throw refusal(`${key} would send a token that is there already to another address`);
  }
}

/** A new account with the home of the user that Orch runs as: nothing that somebody elsewhere chose. */
function isOwnHome({ key, before, after }: ConfigChangeLine): boolean {
  return /^accounts\.[^.]+\.home$/.test(key) && before === null && after === '"~"';
}

/** The file in use, or the place where a first one goes. */
function fileOf(options: LoadOptions): string {
  const places = configPlaces(options);
  const place = places.find((path) => readTextFile(path) !== null) ?? places.at(-1);
  if (place === undefined) throw new Error('there is no place for orch.yaml');
  return place;
}

function textsAt(file: string): Texts {
  return { config: readTextFile(file) ?? '', secrets: readSecrets(file, readTextFile)?.text ?? null };
}

function markOf(texts: Texts): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 16);
}

function changedMeanwhile(): AppError {
  return new AppError('orch.yaml was changed meanwhile', {
    code: 'config.changed',
    hint: 'look at it as it is now, then change it again',
  });
}

function refuseSetting(path: readonly (string | number)[], { env }: LoadOptions): void {
  const [key] = path;
  const setting = SETTING_KEYS.find((each) => each === key);
  if (setting === undefined) return;
  if (isSecretSetting(setting))
    throw new AppError(`${setting} is a secret, which orch.yaml is not for`, {
      code: 'config.secret',
      hint: `set it as ${envName(setting)} among the secrets`,
    });
  if (variable(env, envName(setting)) !== null) throw setElsewhere(setting, 'orch.yaml');
}

function refuseKnown(path: readonly (string | number)[], raw: unknown): void {
  const own = (of: unknown, part: string | number) =>
    Object.hasOwn(Object(of), part) ? Object(of)[part] : null;
  if (path.reduce<unknown>(own, raw) == null) return;
  throw new AppError(`${keyOf(path)} is there already`, {
    code: 'config.exists',
    hint: 'take another name, or change what is there',
  });
}

function refuseSecret(name: string, text: string | null, { env }: LoadOptions): void {
  const isKnown = SETTING_KEYS.some((key) => isSecretSetting(key) && envName(key) === name);
  // A line break would begin a line of its own.
  const isLine = text === null || /^[\x20-\x7e]{1,4096}$/.test(text);
  if (!isKnown || !isLine)
    throw new AppError(isKnown ? `${name} is not one line of text` : `${name} is no secret setting`, {
      code: 'config.not_secret',
      hint: 'docs/configuration.md lists the secret settings',
    });
  if (variable(env, name) !== null) throw setElsewhere(name, 'secrets.env');
}

function setElsewhere(key: string, file: string): AppError {
  const name = key.startsWith('ORCH_') ? key : envName(key);
  return new AppError(`${key} is set by ${name}, which wins over ${file}`, {
    code: 'config.set_elsewhere',
    hint: `change ${name} where the service is started`,
  });
}

function changed(text: string, path: readonly (string | number)[], value: string | null): string {
  const key = keyOf(path);
  try {
    return changedText(text, path, value === null ? undefined : parsedValue(value));
  } catch (error) {
    if (!(error instanceof YamlTrouble)) throw error;
    throw new AppError(`${key} cannot be changed: ${error.message}`, {
      code: 'config.invalid',
      hint: error.fix,
    });
  }
}

/** The leaves that differ; a list is one. */
function difference(before: unknown, after: unknown, path: readonly PropertyKey[]): ConfigChangeLine[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isMapping(before) || isMapping(after)) {
    const [was, is] = [isMapping(before) ? before : {}, isMapping(after) ? after : {}];
    const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
    if (keys.length > 0) return keys.flatMap((key) => difference(was[key], is[key], [...path, key]));
  }
  return [{ key: keyOf(path), before: printable(before, path), after: printable(after, path) }];
}

/** Every value with its key; `name` is that of its mapping's key, wherever in a list it stands now. */
function leavesOf(
  value: unknown,
  path: readonly PropertyKey[],
): { readonly key: string; readonly name: string; readonly text: string }[] {
  if (Array.isArray(value) && value.length > 0)
    return value.flatMap((item, at) => leavesOf(item, [...path, at]));
  if (isMapping(value) && Object.keys(value).length > 0)
    return Object.entries(value).flatMap(([key, child]) => leavesOf(child, [...path, key]));
  const name = path.filter((step) => typeof step === 'string').join('.');
  return [{ key: keyOf(path), name, text: JSON.stringify(value) ?? '' }];
}

function secretChanges(file: string, before: Texts, secrets: ConfigEdit['secrets']): ConfigChangeLine[] {
  const was = readSecrets(file, () => before.secrets)?.values ?? {};
  const shown = (text: string | null | undefined) => (text == null ? null : '[secret]');
  return Object.entries(secrets)
    .filter(([name, text]) => (was[name] ?? null) !== text)
    .map(([key, text]) => ({ key, before: shown(was[key]), after: shown(text) }));
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function realPath(file: string): string {
  return statSync(file, { throwIfNoEntry: false }) === undefined ? file : realpathSync(file);
}

/** A reader sees the old text or the new one, also after a crash. */
function replace(path: string, text: string, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', mode & 0o777);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
}
