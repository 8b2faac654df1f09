import { posix } from 'node:path';
import { pathPattern } from '../core/path-pattern.ts';
import { checkCommit, isInnerPath, safeName } from './names.ts';
import { baseCommit, resolveRef, setRef } from './refs.ts';
import { type Context, inBare, type Repository, readOnce } from './repository.ts';

export interface BaseFile {
  readonly path: string;
  readonly text: string;
  /** Size in the repository; larger than the text when truncated. */
  readonly bytes: number;
  readonly truncated: boolean;
}

export interface BaseFiles {
  readonly commit: string;
  readonly files: readonly BaseFile[];
}

interface Entry {
  readonly path: string;
  readonly mode: string;
  readonly object: string;
  readonly bytes: number;
}

const MAX_FILE_BYTES = 256 * 1024;
const MAX_FILES = 200;
const MAX_LINKS = 5;
const SYMLINK = '120000';

/**
 * The files of one commit, read from the bare repository without a working tree. Symlinks are
 * followed inside the repository only.
 */
export class CommitFiles {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #read: (object: string, maxBytes: number) => Promise<Buffer>;

  constructor(entries: readonly Entry[], read: (object: string, maxBytes: number) => Promise<Buffer>) {
    this.#entries = new Map(entries.map((entry) => [entry.path, entry]));
    this.#read = read;
  }

  paths(): string[] {
    return [...this.#entries.keys()].sort();
  }

  /** Null when there is no such file, or its link leads outside or nowhere. */
  async read(path: string, maxBytes = MAX_FILE_BYTES): Promise<BaseFile | null> {
    let entry = this.#entries.get(path);
    for (let links = 0; entry?.mode === SYMLINK; links += 1) {
      if (links >= MAX_LINKS) return null;
      const target = (await this.#read(entry.object, 4096)).toString('utf8');
      const inside = target.startsWith('/') ? '' : posix.join(posix.dirname(entry.path), target);
      entry = isInnerPath(inside) ? this.#entries.get(inside) : undefined;
    }
    if (entry === undefined) return null;
    const content = await this.#read(entry.object, maxBytes);
    const truncated = entry.bytes > maxBytes;
    return { path, text: wholeText(content.subarray(0, maxBytes)), bytes: entry.bytes, truncated };
  }
}

/** All files of a commit of the base. */
export async function openCommit(
  context: Context,
  repo: Repository,
  commit: string,
): Promise<{ commit: string; files: CommitFiles }> {
  const listed = await inBare(context, repo.project, ['ls-tree', '-r', '-l', '-z', '--full-tree', commit]);
  const entries = listed.stdout
    .toString('utf8')
    .split('\0')
    .flatMap((line) => {
      const match = /^(\d+) blob (\S+) +(\d+)\t([\s\S]+)$/.exec(line);
      return match === null
        ? []
        : [{ mode: match[1] ?? '', object: match[2] ?? '', bytes: Number(match[3]), path: match[4] ?? '' }];
    });
  const read = async (object: string, maxBytes: number) =>
    (await inBare(context, repo.project, ['cat-file', 'blob', object], { cutAtBytes: maxBytes })).stdout;
  return { commit, files: new CommitFiles(entries, read) };
}

/** Files of one commit by their exact paths; those that are not there are left out. Each at most 256 KiB. */
export async function readFilesAt(
  context: Context,
  repo: Repository,
  commit: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { files } = await openCommit(context, repo, checkCommit(commit));
  const found = new Map<string, string>();
  for (const path of paths.slice(0, MAX_FILES)) {
    const file = await files.read(path);
    if (file !== null) found.set(path, file.text);
  }
  return found;
}

/** Files of the base branch by path or pattern (`*` inside a folder, `**` across folders); sorted, each at most 256 KiB. */
export async function readBaseFiles(
  context: Context,
  repo: Repository,
  patterns: readonly string[],
): Promise<BaseFiles> {
  const commit = await baseCommit(context, repo);
  return readOnce(context, JSON.stringify([repo.project, patterns]), commit, async () =>
    readFiles(await openCommit(context, repo, commit), patterns),
  );
}

/** Keeps a commit of the base under a name of Orch's own, so that its files can be read whatever the base becomes. */
export async function keepBase(
  context: Context,
  repo: Repository,
  name: string,
  commit: string,
): Promise<void> {
  await setRef(context, repo.project, keptRef(name), checkCommit(commit));
}

/** The same files of the commit that was kept under that name; null when none was. */
export async function readKeptFiles(
  context: Context,
  repo: Repository,
  name: string,
  patterns: readonly string[],
): Promise<BaseFiles | null> {
  const commit = await resolveRef(context, repo.project, keptRef(name));
  return commit === null ? null : readFiles(await openCommit(context, repo, commit), patterns);
}

function keptRef(name: string): string {
  return `refs/orch/base/${safeName(name)}`;
}

async function readFiles(
  { commit, files }: { commit: string; files: CommitFiles },
  patterns: readonly string[],
): Promise<BaseFiles> {
  const tests = patterns.map(pathPattern);
  const wanted = files.paths().filter((path) => tests.some((test) => test(path)));
  const read = await Promise.all(wanted.slice(0, MAX_FILES).map((path) => files.read(path)));
  return { commit, files: read.filter((file) => file !== null) };
}

/** A cut in the middle of a character loses that character. */
function wholeText(bytes: Buffer): string {
  return new TextDecoder('utf8').decode(bytes, { stream: true });
}
