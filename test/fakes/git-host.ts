import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const COMMITTER = {
  ...{ GIT_AUTHOR_NAME: 'Gitea', GIT_AUTHOR_EMAIL: 'gitea@example.org' },
  ...{ GIT_COMMITTER_NAME: 'Gitea', GIT_COMMITTER_EMAIL: 'gitea@example.org' },
};

/** Stands in for branch protection: the bridge says who pushes and what is closed to them. */
const PRE_RECEIVE = `#!/bin/sh
while read -r old new ref; do
  for name in $FAKE_PROTECTED; do
    if [ "$ref" = "refs/heads/$name" ]; then
      echo "Gitea: Not allowed to push to protected branch $name" >&2
      exit 1
    fi
  done
done
exit 0
`;

export type MergeOutcome =
  | { readonly kind: 'merged'; readonly commit: string }
  | { readonly kind: 'conflict' };

/** One bare repository of the forge. */
export interface FakeRepository {
  readonly path: string;
  git(...args: string[]): Promise<string>;
  /** Null: there is no such commit or branch. */
  sha(ref: string): Promise<string | null>;
  branches(): Promise<Map<string, string>>;
  hasConflict(base: string, head: string): Promise<boolean>;
  /** As Gitea's styles do it; the base is moved. */
  merge(style: string, base: string, head: string, message: string): Promise<MergeOutcome>;
  /** A commit by a person right on a branch, as from a clone of theirs. */
  commit(
    branch: string,
    files: Readonly<Record<string, string>>,
    message: string,
    from?: string,
  ): Promise<string>;
}

export async function createRepository(
  path: string,
  files: Readonly<Record<string, string>>,
): Promise<FakeRepository> {
  await mkdir(dirname(path), { recursive: true });
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: dirname(path),
    LANG: 'C.UTF-8',
    ...COMMITTER,
  };
  const gitIn = async (cwd: string, ...args: string[]) =>
    (await run('git', args, { cwd, env, maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
  await gitIn(dirname(path), 'init', '-q', '--bare', '--template=', '-b', 'main', path);
  const config =
    '[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfsync = none\n[http]\n\treceivepack = true\n';
  await writeFile(join(path, 'config'), config);
  await mkdir(join(path, 'hooks'));
  await writeFile(join(path, 'hooks', 'pre-receive'), PRE_RECEIVE);
  await chmod(join(path, 'hooks', 'pre-receive'), 0o755);
  const git = (...args: string[]) => gitIn(path, ...args);
  /** A branch is read from its file, where it is one: a process for each look would be most of a test. */
  const sha = async (ref: string) => {
    const loose = ref.startsWith('refs/') ? await readFile(join(path, ref), 'utf8').catch(() => '') : '';
    if (loose !== '') return loose.trim();
    return git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`).catch(() => null);
  };
  const conflicts = new Map<string, Promise<boolean>>();

  /** One commit on a branch, by one process. */
  async function write(
    branch: string,
    from: string | null,
    files: Readonly<Record<string, string>>,
    message: string,
  ): Promise<void> {
    const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
    const stream = [
      `commit refs/heads/${branch}\ncommitter Person <person@example.org> ${Math.floor(Date.now() / 1000)} +0000\n`,
      data(message),
      from === null ? '' : `from ${from}\n`,
      ...Object.entries(files).map(([name, text]) => `M 100644 inline ${name}\n${data(text)}`),
    ].join('');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const child = spawn('git', ['fast-import', '--quiet', '--force'], {
      cwd: path,
      env,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`fast-import: ${said}`))));
    child.stdin.end(stream);
    await promise;
  }

  /** A clone for what needs a work tree. */
  async function inClone<T>(act: (folder: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'fake-gitea-'));
    try {
      await gitIn(folder, 'clone', '-q', '--shared', path, 'work').catch(() => undefined);
      return await act(join(folder, 'work'));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  const self: FakeRepository = {
    path,
    git,
    sha,
    async branches() {
      const list = await git('for-each-ref', '--format=%(refname:short) %(objectname)', 'refs/heads');
      return new Map(
        list
          .split('\n')
          .filter(Boolean)
          .map((line) => line.split(' ') as [string, string]),
      );
    },
    async hasConflict(base, head) {
      const onto = await sha(`refs/heads/${base}`);
      const known = conflicts.get(`${onto} ${head}`);
      if (known !== undefined) return known;
      const asked = git('merge-tree', '--write-tree', base, head).then(
        () => false,
        () => true,
      );
      conflicts.set(`${onto} ${head}`, asked);
      return asked;
    },
    async merge(style, base, head, message) {
      const onto = await git('rev-parse', `refs/heads/${base}`);
      if (style === 'fast-forward-only') {
        await git('update-ref', `refs/heads/${base}`, head, onto);
        return { kind: 'merged', commit: head };
      }
      if (style === 'rebase' || style === 'rebase-merge') {
        const rebased = await inClone(async (folder) => {
          await gitIn(folder, 'checkout', '-q', '--detach', head);
          const done = await gitIn(folder, 'rebase', '-q', onto).then(
            () => true,
            () => false,
          );
          if (!done) return null;
          await gitIn(folder, 'push', '-q', path, 'HEAD:refs/fake/rebased', '--force');
          return gitIn(folder, 'rev-parse', 'HEAD');
        });
        if (rebased === null) return { kind: 'conflict' };
        if (style === 'rebase') {
          await git('update-ref', `refs/heads/${base}`, rebased, onto);
          return { kind: 'merged', commit: rebased };
        }
        return self.merge('merge', base, rebased, message);
      }
      const tree = await git('merge-tree', '--write-tree', onto, head).catch(() => null);
      if (tree === null) return { kind: 'conflict' };
      const parents = style === 'squash' ? [onto] : [onto, head];
      const commit = await git(
        'commit-tree',
        tree,
        ...parents.flatMap((each) => ['-p', each]),
        '-m',
        message,
      );
      await git('update-ref', `refs/heads/${base}`, commit, onto);
      return { kind: 'merged', commit };
    },
    async commit(branch, content, message, from = 'main') {
      const start = (await sha(`refs/heads/${branch}`)) ?? (await sha(`refs/heads/${from}`));
      // Past the pre-receive hook: people's rights are not what is tried here.
      await write(branch, start, content, message);
      return (await sha(`refs/heads/${branch}`)) ?? '';
    },
  };
  if (Object.keys(files).length > 0) await write('main', null, files, 'Start');
  return self;
}

/** What Git signs in with: the token is the password, and the user name beside it counts for nothing. */
export function passwordOf(request: IncomingMessage): string {
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  return Buffer.from(basic, 'base64').toString().split(':').slice(1).join(':');
}

/** Git's own server for smart HTTP, as a CGI program behind Node. */
export function serveGit(
  request: IncomingMessage,
  response: ServerResponse,
  to: { root: string; address: URL; user: string; closedBranches: readonly string[] },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const header = (name: string) => String(request.headers[name] ?? '');
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: to.root,
      GIT_PROJECT_ROOT: to.root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: to.address.pathname,
      QUERY_STRING: to.address.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: header('content-type'),
      CONTENT_LENGTH: header('content-length'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      REMOTE_USER: to.user,
      FAKE_PROTECTED: to.closedBranches.join(' '),
      ...COMMITTER,
    },
  });
  child.stdin.on('error', () => undefined); // it may have said no before the body was in
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  let isBody = false;
  child.stdout.on('data', (chunk: Buffer) => {
    if (isBody) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    isBody = true;
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const at = line.indexOf(':');
      const value = line.slice(at + 1).trim();
      if (line.slice(0, at).toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(line.slice(0, at), value);
    }
    response.write(head.subarray(end + 4));
  });
  child.once('close', () => {
    if (!isBody) response.statusCode = 500;
    response.end(() => resolve());
  });
  return promise;
}
