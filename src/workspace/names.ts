import { createHash } from 'node:crypto';
import { AppError } from '../core/errors.ts';

/**
 * Names from outside (project, key, run, branch, commit, path) are data. Each is checked or mapped
 * here, once, before it becomes part of a path, a ref or an argument of git.
 */
const PROJECT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/;
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const MAX_BRANCH_LENGTH = 200;

/** A project name is a configuration key: a wrong one is refused, never mapped. */
export function checkProject(project: string): string {
  if (PROJECT.test(project) && !project.includes('..')) return project;
  throw new AppError(`project name ${JSON.stringify(project)} cannot be used as a folder name`, {
    code: 'workspace.invalid_name',
    hint: 'use letters, digits, ".", "_" and "-", beginning with a letter or a digit',
  });
}

/**
 * One path or ref component for a task key or a run id. Plain ids stay as they are; anything else
 * becomes a readable slug with a hash, so that two different ids never share a name.
 */
export function safeName(id: string): string {
  const plain = PLAIN.test(id) && !id.includes('..') && !id.endsWith('.') && !id.endsWith('.lock');
  if (plain) return id;
  const slug = id
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 12);
  return slug === '' ? `id-${hash}` : `${slug}-${hash}`;
}

/**
 * The rules of `git check-ref-format --branch`, in process: no option, no `..`, no `@{`, no control
 * character, no component that begins with a dot or ends in `.lock`.
 */
export function isBranchName(branch: string): boolean {
  if (branch === '' || branch.length > MAX_BRANCH_LENGTH || branch === '@' || branch === 'HEAD') return false;
  if (branch.startsWith('-') || branch.startsWith('refs/')) return false;
  if (/[\u0000-\u0020\u007f~^:?*[\\]/.test(branch) || branch.includes('..') || branch.includes('@{'))
    return false;
  return branch
    .split('/')
    .every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.') && !part.endsWith('.lock'));
}

export function checkBranch(branch: string): string {
  if (isBranchName(branch)) return branch;
  throw new AppError(`${JSON.stringify(branch)} is not a usable branch name`, {
    code: 'workspace.invalid_branch',
    hint: 'see `git check-ref-format --help`; names beginning with "-" or "refs/" are refused too',
  });
}

/** Only full object names: an abbreviation or a ref could mean something else tomorrow. */
export function checkCommit(commit: string): string {
  if (COMMIT.test(commit)) return commit;
  throw new AppError(`${JSON.stringify(commit)} is not a full commit id`, {
    code: 'workspace.invalid_commit',
    hint: 'pass the 40 (or 64) hexadecimal digits of a commit',
  });
}

export function isCommitId(text: string): boolean {
  return COMMIT.test(text);
}

/** A path inside a repository: relative, normal, with no step outside it. */
export function isInnerPath(path: string): boolean {
  if (path === '' || path.startsWith('/') || path.includes('\0')) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
