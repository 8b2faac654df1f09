import type { z } from 'zod';
import { AppError } from '../core/errors.ts';
import { nearest } from '../lib/suggest.ts';
import { nodeAt, type SchemaNode } from './schema.ts';
import { isSecretSetting } from './settings.ts';
import type { Problem } from './types.ts';

/** Something found wrong at a path, before it is known how the operator wrote it. */
export interface Finding {
  readonly path: readonly PropertyKey[];
  readonly problem: string;
  readonly fix: string;
  /** The value says nothing (it is missing) or could be a secret under a misspelt key. */
  readonly hideValue?: boolean;
}

/** Tells how the operator wrote a finding: its key, value and line. */
export type AsProblem = (finding: Finding) => Problem;

const LATER: Readonly<Record<string, readonly string[]>> = {
  agent: ['claude-code', 'codex', 'opencode', 'gemini', 'copilot', 'scripted'],
  tracker: ['local', 'plane', 'gitea', 'github'],
  forge: ['local', 'gitea', 'github'],
  sandbox: ['bubblewrap'],
};
const SECRET_KEY = /token|secret|password|key/i;
const TOKEN_SHAPED =
  /\b(sk-[\w-]{8,}|gh[a-z]_\w{8,}|github_pat_\w+|xox[a-z]-[\w-]+|\d{6,}:[\w-]{20,}|eyJ[\w-]{10,}[\w.-]*)/g;
const SHOWN_CHARACTERS = 80;

/** zod's issues in an operator's words. */
export function findingsOf(
  error: z.ZodError,
  root: SchemaNode,
  raw: unknown,
  judged: readonly string[] = [],
): Finding[] {
  return error.issues.flatMap((issue) => {
    const { path } = issue;
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], root));
    const node = nodeAt(root, path);
    const value = valueAt(raw, path);
    if (value === undefined)
      return [
        {
          path,
          problem: 'is missing',
          fix: `add it: ${node?.description ?? 'it is required'}`,
          hideValue: true,
        },
      ];
    const later = comingLater(path, value);
    const isJudged = later && path.at(-1) === 'agent' && typeof value === 'string' && judged.includes(value);
    if (isJudged) {
      const problem = 'can be judged (`orch verdict`, `orch signin`) but not be started by this version';
      return [{ path, problem, fix: fixFor(node, root, path) }];
    }
    if (later) return [{ path, problem: 'is not available in this version', fix: fixFor(node, root, path) }];
    if (issue.code === 'custom' && typeof issue.params?.fix === 'string')
      return [{ path, problem: issue.message, fix: issue.params.fix }];
    return [{ path, problem: wordsFor(issue, value), fix: fixFor(node, root, path, value) }];
  });
}

function unknownKey(path: readonly PropertyKey[], root: SchemaNode): Finding {
  const known = Object.keys(nodeAt(root, path.slice(0, -1))?.properties ?? {});
  const meant = nearest(String(path.at(-1)), known);
  const list = known.length > 30 ? 'see docs/configuration.md' : `known here: ${known.join(', ')}`;
  const fix = meant === null ? `remove it (${list})` : `did you mean "${meant}"?`;
  return { path, problem: 'is not a known key', fix, hideValue: true };
}

function comingLater(path: readonly PropertyKey[], value: unknown): boolean {
  const step = path.at(-1) === 'kind' ? path.at(-2) : path.at(-1);
  const isKind = path.length === (path.at(-1) === 'kind' ? 4 : 3) && Object.hasOwn(LATER, String(step));
  return isKind && typeof value === 'string' && (LATER[String(step)]?.includes(value) ?? false);
}

function wordsFor(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.expected === 'int') return 'is not a whole number';
      return `is ${typeName(value)}, not ${typeWord(issue.expected)}`;
    case 'invalid_value':
      return 'is none of the allowed values';
    case 'too_small':
      if (issue.origin === 'string') return 'is empty';
      if (issue.origin === 'array') return 'has no entry';
      return issue.inclusive === false ? `is not above ${issue.minimum}` : `is below ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'number' ? `is above ${issue.maximum}` : 'is too long';
    case 'invalid_union':
      return issue.discriminator === undefined ? issue.message : 'is none of the allowed values';
    case 'invalid_format':
      return issue.message;
    default:
      return 'is not valid';
  }
}

function fixFor(
  node: SchemaNode | null,
  root: SchemaNode,
  path: readonly PropertyKey[],
  value?: unknown,
): string {
  const allowed = node?.enum ?? constants(nodeAt(root, path.slice(0, -1)), path.at(-1));
  if (allowed !== null) {
    const meant = typeof value === 'string' ? nearest(value, allowed.map(String)) : null;
    return `${meant === null ? '' : `did you mean "${meant}"? `}use ${allowed.join(', ')}`;
  }
  if (node?.examples?.[0] !== undefined) return `write it like ${JSON.stringify(node.examples[0])}`;
  if (node?.pattern !== undefined)
    return 'use letters, digits, dot, dash and underscore, at most 63, a letter or digit first';
  switch (node?.type) {
    case 'integer':
    case 'number':
      return numberFix(node);
    case 'boolean':
      return 'use true or false';
    case 'string':
      return typeof value === 'string' ? 'write text that is not empty' : 'write text; put numbers in quotes';
    case 'array':
      return Array.isArray(value) ? 'check how many entries it has' : 'write a list';
    default:
      return node?.type === 'object' ? 'write a mapping of keys' : 'see docs/configuration.md';
  }
}

/** The kinds of a union, of which the node itself knows only its first one. */
function constants(parent: SchemaNode | null, key: PropertyKey | undefined): readonly unknown[] | null {
  const kinds = parent?.oneOf?.flatMap((option) => option.properties?.[String(key)]?.const ?? []) ?? [];
  return kinds.length === 0 ? null : kinds;
}

function numberFix(node: SchemaNode): string {
  const what = node.type === 'integer' ? 'a whole number' : 'a number';
  const from = node.minimum ?? node.exclusiveMinimum;
  const low = node.exclusiveMinimum === undefined ? `from ${from}` : `above ${from}`;
  return `use ${what} ${low} up to ${node.maximum ?? 'any'}`;
}

function typeName(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeWord(typeof value);
}

function typeWord(type: string): string {
  if (type === 'object' || type === 'record') return 'a mapping';
  if (type === 'array') return 'a list';
  if (type === 'string') return 'text';
  return type === 'boolean' ? 'true or false' : 'a number';
}

export function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** `projects.api.pipeline[1].effort`; a key with other characters is quoted, a long one is cut. */
export function keyOf(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '.'}${plainKey(String(step))}`;
  }
  return text;
}

function plainKey(key: string): string {
  return /^[\w-][\w.-]*$/.test(key) && key.length <= SHOWN_CHARACTERS ? key : scrub(JSON.stringify(cut(key)));
}

/** The value as it may be printed: never a secret, never a whole structure. */
export function printable(value: unknown, path: readonly PropertyKey[]): string | null {
  if (value === undefined || value === null) return null;
  if (holdsSecret(path)) return '[secret]';
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'a mapping';
  return typeof value === 'string' ? scrub(JSON.stringify(cut(value))) : JSON.stringify(value);
}

/** True for a path whose value is never shown; the names of accounts and projects do not count. */
function holdsSecret(path: readonly PropertyKey[]): boolean {
  return path.some((step, at) => {
    const named = at === 1 && (path[0] === 'accounts' || path[0] === 'projects');
    if (typeof step !== 'string' || named || step === 'tokens_per_day') return false;
    return isSecretSetting(step) || step === 'env' || SECRET_KEY.test(step);
  });
}

function cut(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}...`;
}

/** Hides what looks like a credential in a value that should hold none. */
function scrub(text: string): string {
  return text.replace(/\/\/[^/@"]*@/g, '//[secret]@').replace(TOKEN_SHAPED, '[secret]');
}

export function configError(problems: readonly Problem[], file: string | null): AppError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  ${problemLine(problem)}`);
  return new AppError([`the configuration has ${count}`, ...lines].join('\n'), {
    code: 'config.invalid',
    hint: 'fix the keys named above; `orch config` shows every value and where it comes from',
    facts: { problems, file },
  });
}

/** One problem on one line: `key: what (value, place) - fix`. */
export function problemLine({ key, value, problem, fix, source, line }: Problem): string {
  const place =
    source === 'environment' ? 'environment' : line === null ? 'orch.yaml' : `orch.yaml line ${line}`;
  const seen = [...(value === null ? [] : [`value ${value}`]), ...(key === 'orch.yaml' ? [] : [place])];
  return `${key}: ${problem}${seen.length === 0 ? '' : ` (${seen.join(', ')})`} - ${fix}`;
}
