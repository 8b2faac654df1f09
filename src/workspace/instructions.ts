import { posix } from 'node:path';
import { pathPattern } from '../core/path-pattern.ts';
import { type CommitFiles, openCommit } from './base-files.ts';
import { isInnerPath } from './names.ts';
import { baseCommit } from './refs.ts';
import { type Context, type Repository, readOnce } from './repository.ts';

export interface Instructions {
  /** All files, each under a line that names it; empty when the repository has none. */
  readonly text: string;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly truncated: boolean }[];
  /** The base commit they were read from. */
  readonly commit: string;
}

const ROOTS = ['CLAUDE.md', 'AGENTS.md', '.claude/rules/**/*.md'];
export const MAX_INSTRUCTION_BYTES = 64 * 1024;
const MAX_IMPORT_DEPTH = 5;
const MAX_IMPORTED_FILES = 100;

/**
 * What the repository tells agents, from the base branch only, so that a task cannot change its own
 * instructions. `@path` imports are followed as Claude Code does: relative to the file, five deep, not
 * in code; here also never outside the repository. Each file appears once, after the one that imports it.
 */
export async function readInstructions(context: Context, repo: Repository): Promise<Instructions> {
  const commit = await baseCommit(context, repo);
  return readOnce(context, JSON.stringify([repo.project, 'instructions']), commit, async () => {
    const { files } = await openCommit(context, repo, commit);
    return { ...(await collectInstructions(files)), commit };
  });
}

export async function collectInstructions(source: CommitFiles): Promise<Omit<Instructions, 'commit'>> {
  const all = source.paths();
  const roots = ROOTS.flatMap((root) => all.filter(pathPattern(root)));
  const seen = new Set<string>();
  const parts: string[] = [];
  const files: { path: string; bytes: number; truncated: boolean }[] = [];
  let left = MAX_INSTRUCTION_BYTES;
  const add = async (path: string, depth: number): Promise<void> => {
    if (seen.has(path) || seen.size >= MAX_IMPORTED_FILES || left <= 0) return;
    const file = await source.read(path, left);
    if (file === null) return;
    seen.add(path);
    left -= Buffer.byteLength(file.text);
    files.push({ path, bytes: file.bytes, truncated: file.truncated });
    parts.push(
      `Contents of ${path} (instructions of this repository):\n\n${file.text.trimEnd()}${file.truncated ? `\n\n[cut by Orch: ${file.bytes} bytes in all]` : ''}\n`,
    );
    if (depth >= MAX_IMPORT_DEPTH) return;
    for (const target of importsOf(file.text)) {
      const inside = posix.join(posix.dirname(path), target);
      if (isInnerPath(inside)) await add(inside, depth + 1);
    }
  };
  for (const root of roots) await add(root, 0);
  return { text: parts.join('\n'), files };
}

/** The relative paths a Markdown text imports with `@path`, outside code blocks and code spans. */
export function importsOf(text: string): string[] {
  const found: string[] = [];
  let fence: string | null = null;
  for (const line of text.split('\n')) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== null) {
      if (mark?.startsWith(fence) === true && line.trim() === mark) fence = null;
      continue;
    }
    if (mark !== undefined) {
      fence = mark;
      continue;
    }
    if (/^(?: {4}|\t)\s*\S/.test(line) && !/^\s*(?:[-*+]|\d+[.)])\s/.test(line)) continue;
    const prose = line.replace(/(`+)(?:(?!\1).)*?\1/g, ' ');
    for (const match of prose.matchAll(/(?:^|[\s(])@((?:[^\s\\`]|\\ )+)/g)) {
      const path = (match[1] ?? '').replaceAll('\\ ', ' ').replace(/[.,;:!?)\]}'"]+$/, '');
      if (path !== '' && !path.startsWith('/') && !path.startsWith('~')) found.push(path);
    }
  }
  return found;
}
