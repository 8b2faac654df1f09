import { execFile } from 'node:child_process';
import {
  chmod,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '../core/errors.ts';
import { type Kit, openKit } from './test-kit.ts';
import type { Salvaged } from './workspace.ts';

/** fast-check prints it with the path to the case; `seed` and `path` below then replay that case alone. */
const SEED = 20_260_727;
const TIME_LIMIT_MS = 30_000;
const run = promisify(execFile);

const PROJECT: Readonly<Record<string, string>> = {
  'README.md': 'first\n',
  'src/app.js': 'one\ntwo\nthree\n',
  'dir/a': 'a',
  'crlf.txt': 'one\ntwo\n',
  '.gitattributes': 'crlf.txt text eol=crlf\n*.md ident\n',
  '.gitignore': 'ignored/\n*.log\nnode_modules/\n',
};
const COPIED = '.env.copied';
const LONG = 'n'.repeat(250);
const NAMES = [
  ...Object.keys(PROJECT),
  ...[
    'README.md',
    'src/app.js',
    'dir/a',
    'src',
    'dir',
    'dir/a/b',
    'new',
    'a b',
    'line\nbreak',
    '-option',
    ':(glob)*',
  ],
  ...[
    'ü/ß',
    'bytes\xff',
    'back\\slash',
    'git~1',
    'readme.md',
    'Dir/a',
    '.env',
    'x.pem',
    'dist/x',
    'build/y',
    LONG,
  ],
  ...[
    `deep/${'d/'.repeat(30)}x`,
    'ignored/x',
    'src/run.log',
    'node_modules/m.js',
    '.orch-work/x',
    '.orch-work/y/z',
  ],
  ...['nested/in', 'nested/.gitignore', 'nested/sub/in', 'dir/.gitignore', 'dir/.gitattributes', COPIED],
];
const name = fc.constantFrom(...NAMES);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc
    .constantFrom('', '*\n', '*.js\n!README.md\n', 'a\r\nb\r\n', '$Id$\n', '* -text filter=lfs\n')
    .map((text) => Buffer.from(text)),
);
/** What an agent does with git; each may fail, as it does for agents. `$` is a name of its own. */
const GIT = {
  stage: [['add', '-A']],
  force: [['add', '-Af']],
  commit: [['commit', '-qam', '$']],
  amend: [['commit', '-qa', '--amend', '-m', '$']],
  drop: [
    ['add', '-A'],
    ['commit', '-qm', '$'],
    ['reset', '-q', '--hard', 'HEAD~1'],
  ],
  soft: [['reset', '-q', '--soft', 'HEAD~1']],
  stash: [['stash', '-qu']],
  pop: [['stash', 'pop', '-q']],
  forget: [
    ['stash', '-q'],
    ['stash', 'drop', '-q'],
  ],
  branch: [['checkout', '-qb', '$']],
  orphan: [['checkout', '-q', '--orphan', '$']],
  back: [['checkout', '-qf', '-']],
  detach: [['checkout', '-q', '--detach']],
  kill: [
    ['checkout', '-qb', '$'],
    ['commit', '-q', '--allow-empty', '-am', '$'],
    ['checkout', '-q', '-'],
    ['branch', '-qD', '$'],
  ],
  tag: [['tag', '-am', 'x', '$']],
  untrack: [
    ['rm', '-rq', '--cached', 'src', 'crlf.txt'],
    ['commit', '-qm', '$'],
  ],
  merge: [
    ['merge', '-q', '-'],
    ['merge', '-q', 'clash'],
  ],
  rebase: [['rebase', '-q', '--autostash', 'clash']],
  pick: [['cherry-pick', 'clash']],
  pack: [['gc', '-q', '--prune=now']],
  refs: [['pack-refs', '--all']],
  nest: [
    ['init', '-q', 'nested'],
    ['init', '-q', 'nested/sub'],
  ],
  submodule: [
    ['init', '-q', 'nested'],
    ['-C', 'nested', 'add', '-A'],
    ['-C', 'nested', 'commit', '-qm', '$'],
    ['add', 'nested'],
    ['commit', '-qm', '$'],
  ],
  worktree: [
    ['worktree', 'add', '-q', '--detach', '../$'],
    ['-C', '../$', 'commit', '-q', '--allow-empty', '-m', '$'],
  ],
} as const;
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('write' as const), name, bytes, exec: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('link' as const),
      name,
      to: fc.constantFrom('/etc/passwd', 'README.md', '../..', 'nowhere\n'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), name }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('rename' as const, 'hardlink' as const), name, to: name }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('pipe' as const, 'folder' as const, 'huge' as const),
      name,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('git' as const),
      what: fc.constantFrom(...(Object.keys(GIT) as (keyof typeof GIT)[])),
    }),
  },
);
/** The agent's own ignore rules, which must hide nothing. */
const hides = fc.record({
  kind: fc.constant('write' as const),
  name: fc.constantFrom('.gitignore', 'src/.gitignore', 'dir/.gitignore'),
  bytes: fc.constantFrom('*\n', '*\n!.gitignore\n', 'new\nbuild/\n*.pem\n').map((text) => Buffer.from(text)),
  exec: fc.constant(false),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What a crash or an agent does to `.git` last; `intact`: commits, or the index, must survive it. */
const BROKEN: Readonly<
  Record<string, { intact: readonly ('commits' | 'index')[]; make: (path: string) => Promise<unknown> }>
> = {
  nothing: { intact: ['commits', 'index'], make: async () => undefined },
  'locked index': {
    intact: ['commits', 'index'],
    make: (path) => writeFile(join(path, '.git/index.lock'), ''),
  },
  'torn index': { intact: ['commits'], make: (path) => truncate(join(path, '.git/index'), 40) },
  'empty HEAD': { intact: ['commits', 'index'], make: (path) => writeFile(join(path, '.git/HEAD'), '') },
  'HEAD is a pipe': {
    intact: ['commits', 'index'],
    make: (path) => rm(join(path, '.git/HEAD')).then(() => run('mkfifo', [join(path, '.git/HEAD')])),
  },
  'HEAD names nothing': {
    intact: ['commits', 'index'],
    make: (path) => writeFile(join(path, '.git/HEAD'), `${'a'.repeat(40)}\n`),
  },
  'objects are gone': { intact: [], make: (path) => rm(join(path, '.git/objects'), { recursive: true }) },
  '.git is gone': { intact: [], make: (path) => rm(join(path, '.git'), { recursive: true }) },
  '.git is a file': {
    intact: [],
    make: (path) =>
      rm(join(path, '.git'), { recursive: true }).then(() =>
        writeFile(join(path, '.git'), 'gitdir: /nowhere\n'),
      ),
  },
};
const plan = fc.record({
  steps: fc.array(fc.oneof({ weight: 14, arbitrary: step }, { weight: 1, arbitrary: hides }), {
    minLength: 1,
    maxLength: 14,
  }),
  broken: fc.oneof(
    { weight: 4, arbitrary: fc.constant('nothing') },
    { weight: 3, arbitrary: fc.constantFrom(...Object.keys(BROKEN)) },
  ),
  shut: fc.array(name, { maxLength: 2 }),
  /** Pipes where git looks for rules. The agent's own git would wait for them, so they come last. */
  pipes: fc.subarray(['.gitignore', 'src/.gitignore', 'dir/.gitattributes', 'nested/.gitignore'], {
    maxLength: 1,
  }),
  how: fc.constantFrom(
    'reset' as const,
    'removal' as const,
    'rebuild' as const,
    'refused' as const,
    'taken' as const,
  ),
});

test('whatever an agent leaves, every byte that only its clone has can be restored or is named', async () => {
  const kit = await openKit(PROJECT);
  const untouched = new Map<string, string>();
  const deadline = Date.now() + TIME_LIMIT_MS;
  let round = 0;
  await fc.assert(
    fc.asyncProperty(plan, async ({ steps, broken, shut, pipes, how }) => {
      if (Date.now() > deadline) return; // not interrupted: a case under way works on files
      round += 1;
      const at = { key: `DEMO-${round}`, branch: `orch/demo-${round}` };
      const { path, head } = await kit.workspace.prepare(kit.repo, at);
      if (untouched.size === 0)
        for (const [file, value] of await photograph(path)) untouched.set(file, value);
      await clash(kit, path, at.branch);
      for (const [n, one] of steps.entries()) await perform(kit, path, one, `${round}-${n}`);
      const files = await photograph(path);
      const objects = await objectsOf(kit, path);
      const staged = await stagedIn(kit, path);
      await BROKEN[broken]?.make(path).catch(() => undefined); // the steps broke it already
      for (const each of pipes) await run('mkfifo', [join(path, each)]).catch(() => undefined); // a file is there
      for (const each of shut) await shutOut(place(path, each));

      const salvages = await leave(kit, at, head, how, `run-${round}`);
      const left = how === 'removal' ? new Map<string, string>() : await photograph(path);
      const back = new Map<string, string>();
      for (const [n, { ref }] of salvages.entries()) {
        const into = join(kit.root, `restored-${round}-${n}`);
        await kit.workspace.restoreSalvage(kit.repo, ref, { directory: into });
        for (const [file, value] of await photograph(into)) back.set(file, value);
      }
      const named = salvages.flatMap(({ leftOut }) => leftOut.map((each) => each.path));
      for (const [file, value] of files) {
        const isSafe = back.get(file) === value || left.get(file) === value || untouched.get(file) === value;
        const isTold =
          isExpendable(file) &&
          (named.some((each) => covers(each, file)) || salvages.length === 0 || how === 'taken');
        if (!isSafe && !isTold) throw new Error(`${JSON.stringify(file)} is lost: ${value.slice(0, 60)}`);
      }
      expect(named.filter((each) => !isExpendable(each) && !each.endsWith('.git'))).toEqual([]);
      const kept = await keptObjects(kit);
      const intact = BROKEN[broken]?.intact ?? [];
      if (intact.includes('commits')) expect([...objects].filter((id) => !kept.has(id))).toEqual([]);
      if (intact.includes('index')) expect([...staged].filter((id) => !kept.has(id))).toEqual([]);
      if (how !== 'removal' && how !== 'taken') expectHead(left, untouched);
      await rm(path, { recursive: true, force: true });
    }),
    { seed: SEED, numRuns: 500 },
  );
  expect(round).toBeGreaterThan(5);
}, 120_000);

/** The way a clone is left: what was kept on it. */
async function leave(
  kit: Kit,
  at: { key: string; branch: string },
  head: string,
  how: 'reset' | 'removal' | 'rebuild' | 'refused' | 'taken',
  name: string,
): Promise<Salvaged[]> {
  const request = { ...at, run: name, head, copied: [COPIED] };
  const found: (Salvaged | null)[] = [];
  const reset = async () => found.push((await kit.workspace.resetTo(kit.repo, request)).salvaged);
  switch (how) {
    case 'removal':
      found.push((await kit.workspace.remove(kit.repo, request)).salvaged);
      break;
    case 'refused':
      found.push(await kit.workspace.salvage(kit.repo, request));
      await reset();
      break;
    case 'rebuild':
      await kit.workspace.prepare(kit.repo, at).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'workspace.clone_broken') throw error;
      });
      await reset();
      break;
    case 'taken':
      await kit.workspace
        .take(kit.repo, { ...request, since: head, message: 'taken' })
        .catch((error: unknown) => {
          if (!(error instanceof AppError)) throw error;
        });
      await reset();
      break;
    case 'reset':
      await reset();
      break;
  }
  return found.filter((each) => each !== null);
}

/** A branch that contradicts the work, for merges and rebases to stop at. */
async function clash(kit: Kit, path: string, branch: string): Promise<void> {
  await kit.git(path, 'checkout', '-qb', 'clash');
  await kit.write(path, { 'README.md': `clash of ${branch}\n`, 'dir/a': 'clash' });
  await kit.git(path, 'commit', '-qam', 'clash');
  await kit.git(path, 'checkout', '-q', branch);
}

async function perform(kit: Kit, path: string, what: Step, unique: string): Promise<void> {
  if (what.kind === 'git') {
    for (const args of GIT[what.what])
      await kit.tryGit(path, ...args.map((arg) => arg.replace('$', `own-${unique}`)));
    return;
  }
  const target = place(path, what.name);
  if (what.kind === 'remove') return rm(target, { recursive: true, force: true }).catch(() => undefined);
  const other = 'to' in what && what.kind !== 'link' ? place(path, what.to) : target;
  const open = await mkdir(other.subarray(0, other.lastIndexOf('/')), { recursive: true }).then(
    () => true,
    () => false, // a file is where the folder would be
  );
  if (!open) return;
  if (what.kind === 'rename' || what.kind === 'hardlink') {
    const isPipe = (await lstat(target).catch(() => null))?.isFIFO() === true; // not there
    if (isPipe && what.to.includes('.git')) return;
    return (what.kind === 'rename' ? rename : link)(target, other).catch(() => undefined); // not there, or another kind
  }
  await rm(target, { recursive: true, force: true });
  // The end of each content is its own, so that no other file can stand for it.
  if (what.kind === 'write') {
    const own =
      what.bytes.length === 0 || what.name.includes('.git')
        ? what.bytes
        : Buffer.concat([what.bytes, Buffer.from(unique)]);
    await writeFile(target, own, { mode: what.exec ? 0o755 : 0o644 });
  } else if (what.kind === 'link') await symlink(what.to, target);
  else if (what.kind === 'folder') await mkdir(target);
  else if (what.kind === 'pipe') {
    // Where git reads rules, the agent's own git would wait for it: those come last. A name may be no text.
    if (!what.name.includes('.git'))
      await run('mkfifo', ['--', target.toString('utf8')]).catch(() => undefined);
  } else if (what.name === 'new') await writeFile(target, '').then(() => truncate(target, 101 * 1024 * 1024));
}

/** Takes the owner's rights away; whether a file is executable is content, and stays. */
async function shutOut(target: Buffer): Promise<void> {
  const stat = await lstat(target).catch(() => null); // not there
  if (stat?.isDirectory() === true) await chmod(target, 0);
  else if (stat?.isFile() === true) await chmod(target, stat.mode & 0o111);
}

function place(path: string, file: string): Buffer {
  return Buffer.from(`${path}/${file}`, file.includes('\xff') ? 'latin1' : 'utf8');
}

/** What no salvage owes: over the limit, copied, rebuilt, ignored by the project (or by a repository inside). */
function isExpendable(file: string): boolean {
  return (
    file === 'new' ||
    isCopied(file) ||
    /^ignored\/|\.log$|^node_modules\/|^nested\/|^dist\//.test(file) ||
    file.includes('\uFFFD')
  );
}

/** Orch put it there, or the agent a folder of that name. */
function isCopied(file: string): boolean {
  return file === COPIED || file.startsWith(`${COPIED}/`);
}

function covers(named: string, file: string): boolean {
  return named === file || (named.endsWith('/') && file.startsWith(named)) || named.includes('\uFFFD');
}

/** Tracked files are back; what stays is only what a reset leaves on purpose. */
function expectHead(left: ReadonlyMap<string, string>, untouched: ReadonlyMap<string, string>): void {
  const stays = (file: string) =>
    /^(?:ignored|node_modules|nested|\.orch-work)(?:\/|$)|\.log$/.test(file) || isCopied(file);
  expect(new Map([...left].filter(([file]) => untouched.has(file) || !stays(file)))).toEqual(untouched);
}

/** All that agents' git can still reach in the clone. */
async function objectsOf(kit: Kit, path: string): Promise<Set<string>> {
  const listed = await kit.tryGit(
    path,
    'rev-list',
    '--objects',
    '--no-object-names',
    '--all',
    '--reflog',
    '--ignore-missing',
  );
  const tags = await kit.tryGit(path, 'for-each-ref', '--format=%(objecttype) %(objectname)', 'refs/tags');
  // Of an annotated tag its commit is kept, not its own words.
  return new Set(
    listed.code === 0
      ? listed.output.split('\n').filter((id) => id !== '' && !tags.output.includes(`tag ${id}`))
      : [],
  );
}

async function stagedIn(kit: Kit, path: string): Promise<Set<string>> {
  const listed = await kit.tryGit(path, 'ls-files', '--stage', '--format=%(objectmode) %(objectname)');
  const lines = listed.code === 0 ? listed.output.split('\n') : [];
  return new Set(lines.flatMap((line) => (/^1[02]0/.test(line) ? [line.slice(7)] : [])));
}

async function keptObjects(kit: Kit): Promise<Set<string>> {
  const bare = join(kit.reposDir, 'demo.git');
  return new Set((await kit.git(bare, 'rev-list', '--objects', '--no-object-names', '--all')).split('\n'));
}

/** Every file and link below a folder (no `.git`), by its name: mode and bytes. */
async function photograph(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const visit = async (dir: Buffer, prefix: string): Promise<void> => {
    for (const entry of await readdir(dir, { withFileTypes: true, encoding: 'buffer' })) {
      const path = `${prefix}${entry.name.toString('utf8')}`;
      const at = Buffer.concat([dir, Buffer.from('/'), entry.name]);
      if (entry.name.toString() === '.git') continue;
      if (entry.isDirectory()) await visit(at, `${path}/`);
      else if (entry.isSymbolicLink()) found.set(path, `link ${await readlink(at)}`);
      else if (entry.isFile()) {
        const { mode, size } = await lstat(at);
        const content = size > 10_000_000 ? `${size} bytes` : (await readFile(at)).toString('latin1');
        found.set(path, `${(mode & 0o100) === 0 ? 'file' : 'exec'} ${content}`);
      }
    }
  };
  await visit(Buffer.from(root), '');
  return found;
}
