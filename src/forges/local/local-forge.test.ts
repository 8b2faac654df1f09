import { join } from 'node:path';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { type Line, losingAnswers } from '../../../test/support/lost-answers.ts';
import { openSqliteStore } from '../../store/sqlite/sqlite-store.ts';
import { openKit } from '../../workspace/test-kit.ts';
import { forgeContract } from '../forge.contract.ts';
import { createLocalForge } from './local-forge.ts';

forgeContract('local', async () => {
  const kit = await openKit();
  const person = await kit.person('mara');
  await kit.git(person, 'checkout', '-q', '-b', 'work');
  await kit.write(person, { 'new.js': 'new\n' });
  await kit.git(person, 'add', '.');
  await kit.git(person, 'commit', '-q', '-m', 'work');
  await kit.git(person, 'push', '-q', 'origin', 'work');
  await kit.workspace.fetch(kit.repo);
  const path = join(kit.root, 'orch.db');
  const store = openSqliteStore(path, () => 1);
  const rows = new Database(path, { readonly: true });
  onTestFinished(async () => {
    rows.close();
    await store.close();
  });
  const line: Line = { loses: false };
  const lossy = losingAnswers({ merge: kit.workspace.merge }, line, 'forge.unreachable');
  return {
    forge: createLocalForge(kit.repo, {
      workspace: { ...kit.workspace, merge: (...args) => lossy.merge(...args) },
      book: {
        ...losingAnswers(store.board, line, 'forge.unreachable'),
        pullRequestOf: store.board.pullRequestOf,
      },
      clock: () => 1,
    }),
    head: await kit.head(person),
    pullRequests: async () =>
      (rows.prepare('SELECT number, state FROM pull_requests ORDER BY number').all() as Row[]).map((row) => ({
        ...row,
        comments: rows
          .prepare('SELECT body FROM pull_request_comments WHERE number = ? ORDER BY id')
          .pluck()
          .all(row.number) as string[],
      })),
    base: async () => (await kit.git(kit.remote, 'rev-list', 'main')).split('\n'),
    mergeByHand: async () => {
      await kit.git(person, 'checkout', '-q', 'main');
      await kit.git(person, 'merge', '-q', '--no-ff', '-m', 'by hand', 'work');
      await kit.git(person, 'push', '-q', 'origin', 'main');
      await kit.workspace.fetch(kit.repo);
    },
    loseNext: () => {
      line.loses = true;
    },
  };
});

interface Row {
  readonly number: number;
  readonly state: string;
}
