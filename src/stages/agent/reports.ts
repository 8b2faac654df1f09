import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import { casesOf, type JUnitCase } from '../../core/junit.ts';
import { pathPattern } from '../../core/path-pattern.ts';
import { parseXml } from '../../lib/xml.ts';
import { readInnerFile } from '../../workspace/inner-file.ts';

const MAX_REPORTS = 500;
const MAX_REPORT_BYTES = 10 * 1024 * 1024;
const MAX_TOTAL_BYTES = 50 * 1024 * 1024;
const MAX_CASES = 50_000;
const MAX_ENTRIES = 200_000;
const MAX_DEPTH = 24;
/** Never looked into, unless a pattern begins with it. */
const SKIPPED = new Set(['.git', '.orch-work', 'node_modules']);
const NOTHING: ReadonlySet<string> = new Set();

/**
 * Takes what lies where the checks will write their reports out of the clone, so that nobody can plant one;
 * `bringBack` undoes it. What an earlier call left aside (Orch went away in between) comes back first.
 */
export async function setAside(clone: string, patterns: readonly string[]): Promise<void> {
  await bringBack(clone, []);
  for (const path of await findFiles(clone, patterns)) {
    const place = join(asideOf(clone), path);
    await mkdir(dirname(place), { recursive: true, mode: 0o700 });
    await rename(join(clone, path), place);
  }
}

/**
 * Leaves the clone as the agent did: the reports of the checks go, what was there before them comes back.
 * Reports are never work, so Orch's own checks must not leave any to be committed.
 */
export async function bringBack(clone: string, patterns: readonly string[]): Promise<void> {
  const aside = asideOf(clone);
  for (const path of await findFiles(clone, patterns)) await rm(join(clone, path), { force: true });
  for (const path of await findFiles(aside, ['**'], NOTHING)) {
    if (!(await makeFolders(clone, dirname(path)))) continue; // something else took its folder's place meanwhile
    const target = join(clone, path);
    if ((await lstat(target).catch(() => null)) === null) await rename(join(aside, path), target);
  }
  await rm(aside, { recursive: true, force: true });
}

/** Every test case that the checks reported. Reports that cannot be read are problems, in one line each. */
export async function readReports(
  clone: string,
  patterns: readonly string[],
): Promise<{ cases: readonly JUnitCase[]; problems: readonly string[] }> {
  const paths = await findFiles(clone, patterns);
  if (paths.length === 0) return { cases: [], problems: [`the checks wrote no ${patterns.join(', ')}`] };
  const cases: JUnitCase[] = [];
  const problems: string[] = [];
  if (paths.length > MAX_REPORTS) problems.push(`only ${MAX_REPORTS} of ${paths.length} reports were read`);
  let left = MAX_TOTAL_BYTES;
  for (const path of paths.slice(0, MAX_REPORTS)) {
    if (cases.length > MAX_CASES) {
      problems.push(`only ${cases.length} test cases were read`);
      break;
    }
    const file = await readInnerFile(clone, path, Math.min(MAX_REPORT_BYTES, left));
    if (file.kind !== 'text') {
      problems.push(`${path} is ${file.kind === 'too_large' ? 'too large' : 'not a plain file'}`);
      continue;
    }
    left -= Buffer.byteLength(file.text);
    try {
      for (const each of casesOf(parseXml(file.text))) cases.push(each);
    } catch (error) {
      problems.push(`${path} is not readable: ${messageOf(error)}`);
    }
  }
  return { cases, problems };
}

/** Plain files below a folder that match a pattern, sorted; no symlink is followed or listed. */
async function findFiles(
  root: string,
  patterns: readonly string[],
  skipped: ReadonlySet<string> = SKIPPED,
): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const clean = posix.normalize(pattern);
    const start = fixedPart(clean);
    if (!(await isFolder(root, start))) continue;
    const matches = pathPattern(clean);
    let entries = 0;
    const visit = async (folder: string, depth: number): Promise<void> => {
      for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
        entries += 1;
        if (entries > MAX_ENTRIES) return;
        const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isFile() && matches(path)) found.add(path);
        else if (entry.isDirectory() && depth < MAX_DEPTH && !skipped.has(entry.name))
          await visit(path, depth + 1);
      }
    };
    await visit(start, 0);
  }
  return [...found].sort();
}

/** The folders of a pattern before its first wildcard. */
function fixedPart(pattern: string): string {
  const steps = posix.dirname(pattern).split('/');
  const wild = steps.findIndex((step) => /[*?]/.test(step));
  return steps.slice(0, wild < 0 ? steps.length : wild).join('/') || '.';
}

async function isFolder(root: string, folder: string): Promise<boolean> {
  let path = root;
  for (const step of ['', ...folder.split('/').filter((each) => each !== '.')]) {
    path = join(path, step);
    if ((await lstat(path).catch(() => null))?.isDirectory() !== true) return false;
  }
  return true;
}

/** False when a symlink or a file is in the way. */
async function makeFolders(root: string, folder: string): Promise<boolean> {
  let path = root;
  for (const step of folder.split('/').filter((each) => each !== '.')) {
    path = join(path, step);
    const stat = await lstat(path).catch(() => null);
    if (stat === null) await mkdir(path);
    else if (!stat.isDirectory()) return false;
  }
  return true;
}

/** Beside the clone, on the same disk: a rename keeps bytes, mode and times. */
function asideOf(clone: string): string {
  return `${clone}.reports`;
}
