import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { EMPTY_CONTEXT } from '../../core/model.ts';
import { activeTask, runningJob } from '../../core/test-kit.ts';
import { BRANCH, KEY, openKit } from '../../workspace/test-kit.ts';
import type { Workspace } from '../../workspace/workspace.ts';
import type { StageContext } from '../stage.ts';
import { bringPeopleIn } from './people.ts';

/** A task branch with one commit of ours at the remote, and a person's on top of it. */
async function withPeople() {
  const kit = await openKit();
  const { path, head: since } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
  await kit.write(path, { 'a.txt': 'a\n' });
  const request = { key: KEY, branch: BRANCH, run: '1', since, message: 'work' };
  const taken = await kit.workspace.take(kit.repo, request);
  if (taken.kind !== 'taken') throw new Error(taken.kind);
  await kit.workspace.push(kit.repo, BRANCH);
  const dir = await kit.person('mara');
  await kit.git(dir, 'checkout', '-q', BRANCH);
  await kit.write(dir, { 'hand.txt': 'hand\n' });
  await kit.git(dir, 'add', '-A');
  await kit.git(dir, 'commit', '-qm', 'by hand');
  await kit.git(dir, 'push', '-q', 'origin', BRANCH);
  const theirs = await kit.head(dir);

  /** An attempt whose round is known to begin there. */
  function attempt(roundHead: string | null, over: Partial<Workspace> = {}, isOurs = true) {
    const noted: unknown[] = [];
    const context = {
      task: activeTask({ key: KEY, branch: BRANCH }),
      job: runningJob({ branch: BRANCH, context: { ...EMPTY_CONTEXT, roundHead } }),
      run: { id: 7 },
      project: { key: kit.repo.project },
      repository: kit.repo,
      workspace: { ...kit.workspace, ...over },
      note: async (facts: unknown) => {
        noted.push(facts);
        return isOurs;
      },
    } as unknown as StageContext;
    return { noted, result: bringPeopleIn(context, taken.kind === 'taken' ? taken.head : since) };
  }
  return { kit, ours: taken.head, theirs, attempt };
}

describe("people's commits on the task branch", () => {
  it('are noted as the beginning of the round before the push that may fail', async () => {
    const { ours, theirs, attempt } = await withPeople();
    const cut = () => Promise.reject(new AppError('cut off', { code: 'workspace.unreachable' }));
    const first = attempt(ours, { push: cut });
    await expect(first.result).rejects.toThrow('cut off');
    expect(first.noted).toEqual([{ roundHead: theirs }]);
    const second = attempt(theirs);
    expect(await second.result).toMatchObject({ kind: 'ready', roundHead: theirs });
  });

  it('are no work of the agent either when the first attempt was cut off in its sync', async () => {
    const { kit, ours, theirs, attempt } = await withPeople();
    await kit.workspace.syncBranch(kit.repo, { key: KEY, branch: BRANCH });
    expect(theirs).not.toBe(ours);
    expect(await attempt(null).result).toMatchObject({ kind: 'ready', roundHead: theirs });
  });

  it('leave the round where it began when the agent has worked in it', async () => {
    const { kit, theirs, attempt } = await withPeople();
    const began = await kit.head(kit.remote, 'main');
    const { noted, result } = attempt(began);
    expect(await result).toMatchObject({ kind: 'ready', roundHead: began, commits: [{ sha: theirs }] });
    expect(noted).toEqual([{ roundHead: began }]);
  });

  it('are not pushed on by an attempt that has lost its claim', async () => {
    const { ours, attempt } = await withPeople();
    const never = () => Promise.reject(new Error('pushed'));
    expect(await attempt(ours, { push: never }, false).result).toEqual({ kind: 'not_ours' });
  });
});
