import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { absolute, buildConfig } from './build.ts';
import { type Environment, readEnvironment, variable } from './environment.ts';
import { settledNulls } from './nulls.ts';
import { type AsProblem, configError, findingsOf, keyOf, printable, valueAt } from './problems.ts';
import { readPrompts } from './prompts.ts';
import { checkReferences } from './references.ts';
import { configSchema, jsonSchema } from './schema.ts';
import { readSecrets, secretsPath } from './secrets-file.ts';
import type { SettingKey, Settings } from './settings.ts';
import { checkBackoff, doubts, originsOf, settle } from './settle.ts';
import type { Config, Kinds, Origin, Problem } from './types.ts';
import { parseYaml, type YamlFile } from './yaml-file.ts';

export interface LoadOptions {
  readonly env: Environment;
  readonly cwd: string;
  readonly kinds: Kinds;
  /** Text of a file, or null when there is none; throws when it cannot be read. */
  readonly readFile?: (path: string) => string | null;
  /** Reads exactly this file instead of looking for one. */
  readonly file?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly Problem[];
  /** Where each setting and each key of the file comes from; a key that is not listed is a default. */
  readonly origins: Readonly<Record<string, Origin>>;
  readonly file: string | null;
  /** Every file whose change can change this configuration: orch.yaml, its secrets and its prompts. */
  readonly files: readonly string[];
  /** Changes when the text of one of these files does. */
  readonly digest: string;
  /** The settings in their own spelling and units, for `orch config`. */
  readonly settings: Settings;
}

/**
 * Reads environment, file and defaults into one frozen object. Throws AppError `config.invalid`
 * with every problem at once in `facts.problems`.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { env, kinds } = options;
  const readFile = options.readFile ?? readTextFile;
  const userHome = userHomeOf(env);
  const here = { directory: options.cwd, userHome };
  const schema = jsonSchema(kinds);

  const source = openFile(options, readFile);
  const there = { directory: source.path === null ? options.cwd : dirname(source.path), userHome };
  const raw = settledNulls(source.yaml.raw, schema);
  const secrets = source.path === null ? null : readSecrets(source.path, readFile);
  const given = Object.entries(env).filter(([, value]) => (value?.trim() ?? '') !== '');
  const fromEnv = readEnvironment({ ...secrets?.values, ...Object.fromEntries(given) }, schema);
  const parsed = configSchema(kinds).safeParse(raw);
  const prompts = readPrompts(raw, there, readFile);

  const problem = asProblem(source.yaml, raw);
  const hasAgentHome = fromEnv.values.agent_home !== undefined || raw.agent_home !== undefined;
  const isSet = (setting: string) =>
    raw[setting] !== undefined || fromEnv.values[setting as SettingKey] !== undefined;
  const problems = [
    ...fromEnv.problems,
    ...source.problems,
    ...source.yaml.findings.map((finding) => ({ ...problem(finding), line: finding.line })),
    ...(parsed.success ? [] : findingsOf(parsed.error, schema, raw, kinds.judgedAgents).map(problem)),
    ...checkReferences(raw, { hasAgentHome, isSet, kinds }).map(problem),
    ...prompts.findings.map(problem),
    ...checkBackoff(raw, fromEnv.values, problem),
  ];
  if (problems.length > 0 || !parsed.success) throw configError(problems, source.path);

  const settings = settle(parsed.data, fromEnv.values, here, there);
  const config = buildConfig(settings, parsed.data, {
    ...there,
    promptText: (path) => prompts.texts.get(path) ?? '',
  });
  return {
    config,
    warnings: [...fromEnv.warnings, ...doubts(raw, settings, config, problem)],
    origins: originsOf(raw, fromEnv.values),
    file: source.path,
    files: [
      // Also secrets that are not there yet.
      ...(source.path === null ? [] : [source.path, secretsPath(source.path)]),
      ...prompts.texts.keys(),
    ],
    digest: digestOf([source.text, secrets?.text ?? '', ...prompts.texts.values()]),
    settings,
  };
}

/** The places where the file is looked for, first one first. */
export function configPlaces({ env, cwd, file }: Pick<LoadOptions, 'env' | 'cwd' | 'file'>): string[] {
  const here = { directory: cwd, userHome: userHomeOf(env) };
  const named = file ?? variable(env, 'ORCH_CONFIG');
  if (named !== null) return [absolute(named, here)];
  const home = absolute(variable(env, 'ORCH_HOME') ?? '~/.orch', here);
  return [resolve(cwd, 'orch.yaml'), join(home, 'orch.yaml')];
}

interface Source {
  readonly path: string | null;
  readonly text: string;
  readonly yaml: YamlFile;
  readonly problems: readonly Problem[];
}

type ReadFile = (path: string) => string | null;

function openFile(options: LoadOptions, readFile: ReadFile): Source {
  const none = { text: '', yaml: parseYaml('') };
  const named = options.file !== undefined || variable(options.env, 'ORCH_CONFIG') !== null;
  const places = configPlaces(options);
  for (const path of places) {
    try {
      const text = readFile(path);
      if (text !== null) return { path, text, yaml: parseYaml(text), problems: [] };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
      return { ...none, path, problems: [fileProblem(options, path, `cannot be read${code}`)] };
    }
  }
  return {
    ...none,
    path: null,
    problems: named ? [fileProblem(options, places[0] ?? '', 'is not there')] : [],
  };
}

function fileProblem({ env, file }: LoadOptions, path: string, problem: string): Problem {
  const byName = file === undefined && variable(env, 'ORCH_CONFIG') !== null;
  return {
    key: byName ? 'ORCH_CONFIG' : 'orch.yaml',
    value: printable(path, []),
    problem: byName ? `names a file that ${problem}` : problem,
    fix: byName ? 'name a readable file; `orch init` writes one' : 'put a readable file back',
    source: byName ? 'environment' : 'file',
    line: null,
  };
}

function userHomeOf(env: Environment): string {
  return variable(env, 'HOME') ?? homedir();
}

function digestOf(texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex');
}

function asProblem(yaml: YamlFile, raw: unknown): AsProblem {
  return ({ path, problem, fix, hideValue }) => ({
    key: keyOf(path),
    value: hideValue === true ? null : printable(valueAt(raw, path), path),
    problem,
    fix,
    source: 'file',
    line: yaml.lineOf(path),
  });
}

/** Null when there is none; throws when it cannot be read. */
export function readTextFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return null;
    throw error;
  }
}
