import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startGitea } from '../../test/fakes/gitea.ts';
import { Secret } from '../lib/secret.ts';
import type { Repository } from './repository.ts';
import { BRANCH, KEY, openKit } from './test-kit.ts';

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d7a'.repeat(16)}\nsize 12345\n`;
const FILES = {
  'README.md': 'first\n',
  '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
  'model.bin': POINTER,
};

async function open(login = 'orch') {
  const kit = await openKit({});
  const gitea = await startGitea({ files: FILES });
  onTestFinished(() => gitea.close());
  const token = gitea.token(login);
  const { host } = new URL(gitea.url);
  const credentials = { host, username: 'orch', password: new Secret(token) };
  const repo: Repository = { ...kit.repo, url: gitea.gitUrl, credentials };
  const { workspace } = kit;
  const work = async (files: Readonly<Record<string, string>>) => {
    const { path, head: since } = await workspace.prepare(repo, { key: KEY, branch: BRANCH });
    await kit.write(path, files);
    const taken = await workspace.take(repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'work' });
    if (taken.kind !== 'taken') throw new Error(taken.kind);
    return { path, head: taken.head };
  };
  return { kit, gitea, repo, workspace, work, token };
}

const failure = (act: Promise<unknown>) =>
  act.then(
    () => new Error('it went well'),
    (error: unknown) => error as Error,
  );

describe('git over HTTP, as a forge serves it', () => {
  test('clones, pushes and merges with a token, and leaves what LFS points to alone', async () => {
    const { gitea, repo, workspace, work } = await open();
    const { path, head } = await work(
      Object.fromEntries([1, 2, 3, 4].map((i) => [`big-${i}.txt`, `${i} 0123456789abcde\n`.repeat(50_000)])),
    );
    expect(await readFile(join(path, 'model.bin'), 'utf8')).toBe(POINTER);
    expect(await workspace.push(repo, BRANCH)).toEqual({ kind: 'pushed', head, previous: null });
    expect(await gitea.repository.sha(`refs/heads/${BRANCH}`)).toBe(head);
    expect(await gitea.repository.git('show', `${head}:model.bin`)).toBe(POINTER.trim());
    const theirs = await gitea.push('lin', BRANCH, { 'hand.txt': 'hand\n' }, 'by hand');
    expect(await workspace.syncBranch(repo, { key: KEY, branch: BRANCH })).toMatchObject({
      kind: 'synced',
      commits: [{ sha: theirs, subject: 'by hand' }],
    });
    expect(await workspace.remoteHead(repo, 'gone')).toBeNull();
  });

  test('is told no by a protected branch, in the words of the server', async () => {
    const { gitea, repo, workspace, work } = await open();
    const { head } = await work({ 'a.txt': 'a\n' });
    await workspace.push(repo, BRANCH);
    gitea.protect({ rule: 'main', pushers: ['mara'] });
    const before = await gitea.repository.sha('refs/heads/main');
    const refused = await failure(
      workspace.merge(repo, { branch: BRANCH, head, message: 'merge', fastForward: false }),
    );
    expect(refused).toMatchObject({ code: 'workspace.push_rejected' });
    expect(`${refused.message} ${(refused as { hint?: string }).hint}`).toContain('protected branch main');
    expect(await gitea.repository.sha('refs/heads/main')).toBe(before);
  });

  test('fetches nothing from a remote whose history is cut off, and says so', async () => {
    const { kit, gitea, repo, workspace } = await open();
    const before = await workspace.fetch(repo);
    const tip = await gitea.push('lin', 'main', { 'b.txt': 'b\n' }, 'b');
    await kit.write(gitea.repository.path, { shallow: `${tip}\n` });
    expect(await failure(workspace.fetch(repo))).toMatchObject({
      code: 'workspace.fetch_failed',
      message: expect.stringContaining('cut off (shallow)'),
      hint: expect.stringContaining('--unshallow'),
    });
    await kit.write(gitea.repository.path, { shallow: '' });
    expect([before, await workspace.fetch(repo)]).toEqual([await gitea.repository.sha(`${tip}^`), tip]);
  });

  test('says so when the token is wrong, may not write or sees nothing, and never shows it', async () => {
    const { gitea, repo, workspace, work, token } = await open('guest');
    await work({ 'a.txt': 'a\n' });
    const mayNot = await failure(workspace.push(repo, BRANCH));
    expect(mayNot).toMatchObject({ code: expect.stringMatching(/^workspace\.push_/) });
    gitea.knobs.blind = 'guest';
    const unseen = await failure(workspace.fetch(repo));
    const wrong = {
      ...repo,
      credentials: { host: new URL(gitea.url).host, username: 'orch', password: 'wrong-token' },
    };
    const refused = await failure(workspace.fetch(wrong));
    for (const error of [unseen, refused]) expect(error).toMatchObject({ code: 'workspace.fetch_failed' });
    for (const error of [mayNot, unseen, refused])
      for (const secret of [token, 'wrong-token'])
        expect(JSON.stringify([error.message, error])).not.toContain(secret);
  });
});
