import { describe, expect, it } from 'vitest';
import { activeTask, runningJob, stage } from '../../core/test-kit.ts';
import type { SyncResult } from '../../workspace/workspace.ts';
import type { StageContext } from '../stage.ts';
import { deployStage } from './deploy-stage.ts';

const APPROVED = 'a'.repeat(40);
const BY_PEOPLE = 'b'.repeat(40);

/** A deploy of an approved head; what the branch is synced to, and what was merged. */
function deploy(synced: SyncResult) {
  const merged: string[] = [];
  const opened: string[] = [];
  const pushed: string[] = [];
  const task = activeTask({ head: APPROVED, stage: 'deploy' });
  const job = runningJob({ stage: 'deploy', agent: null });
  const context = {
    task,
    job: { ...job, context: { ...job.context, approvedHead: APPROVED } },
    stage: { ...stage('deploy', { kind: 'deploy', approval: 'required' }), merge: 'auto', command: null },
    project: { key: 'api', base: 'main', checks: [], copy: [] },
    repository: { project: 'api' },
    workspace: {
      syncBranch: async () => synced,
      push: async (_repository: unknown, branch: string) => {
        pushed.push(branch);
        return { kind: 'pushed', head: BY_PEOPLE, previous: APPROVED };
      },
    },
    forge: {
      look: async () => ({ kind: 'open' }),
      open: async ({ branch }: { branch: string }) => {
        opened.push(branch);
        return { number: 7, url: null, state: 'draft' };
      },
      merge: async ({ head }: { head: string }) => {
        merged.push(head);
        return { kind: 'merged', commit: 'c'.repeat(40) };
      },
    },
  } as unknown as StageContext;
  return { merged, opened, pushed, result: deployStage.start(context) };
}

describe('a deploy', () => {
  it('merges the approved head', async () => {
    const { merged, result } = deploy({ kind: 'up_to_date', head: APPROVED });
    expect((await result).judgement.verdict).toBe('success');
    expect(merged).toEqual([APPROVED]);
  });

  it('opens the pull request that is not there yet before it merges it', async () => {
    const { opened, result } = deploy({ kind: 'up_to_date', head: APPROVED });
    expect((await result).pr).toEqual({ number: 7, url: null, state: 'merged' });
    expect(opened).toEqual(['orch/api-1']);
  });

  it('asks again for commits by people, also when an attempt before it had brought them in', async () => {
    for (const synced of [
      { kind: 'synced', head: BY_PEOPLE, commits: [] },
      { kind: 'up_to_date', head: BY_PEOPLE },
    ] as const) {
      const { merged, pushed, result } = deploy(synced);
      expect(await result).toMatchObject({
        outcome: { kind: 'ask', code: 'approval.pending' },
        head: BY_PEOPLE,
      });
      expect(merged).toEqual([]);
      expect(pushed).toHaveLength(1);
    }
  });
});
