import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activeTask, runningJob, stage } from '../../core/test-kit.ts';
import type { ForgeCheck, MergeResult, PullFacts, Standing } from '../../forges/forge.ts';
import type { MergePreview } from '../../workspace/merge.ts';
import type { BaseUpdate, SyncResult } from '../../workspace/workspace.ts';
import type { StageContext } from '../stage.ts';
import { deployStage } from './deploy-stage.ts';

const APPROVED = 'a'.repeat(40);
const BY_PEOPLE = 'b'.repeat(40);
const MERGED = 'c'.repeat(40);
const BASE = 'd'.repeat(40);
const UPDATED = 'e'.repeat(40);

interface Given {
  readonly synced?: SyncResult;
  readonly pull?: Partial<PullFacts> | null;
  /** Answers of the forge to merges, the last again and again. */
  readonly merges?: readonly MergeResult[];
  readonly preview?: MergePreview;
  readonly update?: BaseUpdate;
  /** Whether a newer head is the approved change. */
  readonly isSame?: boolean;
  /** Commits of the base at each look at its remote, the last again and again. */
  readonly bases?: readonly string[];
  readonly approved?: string;
  readonly signal?: AbortSignal;
}

/** A deploy of an approved head, with all that it asked of the world. */
function deploy(given: Given = {}) {
  const { pull = null, merges = [{ kind: 'merged', commit: MERGED }], bases = [BASE] } = given;
  const seen = {
    merged: [] as string[],
    opened: [] as string[],
    pushed: [] as string[],
    turns: [] as string[],
  };
  let inTurn = 0;
  const next = <T>(answers: readonly T[], at: number) => answers[Math.min(at, answers.length - 1)] as T;
  let asked = 0;
  const task = activeTask({ head: APPROVED, stage: 'deploy' });
  const job = runningJob({ stage: 'deploy', agent: null });
  const standing: Standing = {
    kind: 'open',
    pull:
      pull === null
        ? null
        : { head: APPROVED, base: 'main', reviews: [], checks: [], conflict: null, ...pull },
  };
  const context = {
    task,
    job: { ...job, context: { ...job.context, approvedHead: given.approved ?? APPROVED } },
    stage: { ...stage('deploy', { kind: 'deploy', approval: 'required' }), merge: 'auto', command: null },
    project: { key: 'api', base: 'main', checks: [], copy: [] },
    repository: { project: 'api' },
    signal: given.signal ?? new AbortController().signal,
    exclusive: async (name: string, work: () => Promise<unknown>) => {
      seen.turns.push(name);
      inTurn++;
      try {
        return await work();
      } finally {
        inTurn--;
      }
    },
    workspace: {
      syncBranch: async () => given.synced ?? { kind: 'up_to_date', head: APPROVED },
      push: async (_repository: unknown, branch: string) => {
        seen.pushed.push(branch);
        return { kind: 'pushed', head: BY_PEOPLE, previous: APPROVED };
      },
      previewMerge: async () => given.preview ?? { kind: 'commit', commit: MERGED, base: BASE },
      remoteHead: async () => next(bases, seen.merged.length + asked++),
      isAncestor: async () => false,
      isSameChange: async () => given.isSame ?? false,
      updateFromBase: async () => given.update ?? { kind: 'updated', head: UPDATED, previous: APPROVED },
    },
    forge: {
      look: async ({ pr }: { pr: unknown }) => (pr === null ? { kind: 'open', pull: null } : standing),
      open: async ({ branch }: { branch: string }) => {
        seen.opened.push(branch);
        return { number: 7, url: null, state: 'draft' };
      },
      merge: async ({ head, onto }: { head: string; onto: string }) => {
        expect(inTurn).toBe(1);
        expect(onto).toBe(BASE);
        seen.merged.push(head);
        return next(merges, seen.merged.length - 1);
      },
    },
  } as unknown as StageContext;
  return { ...seen, result: deployStage.start(context) };
}

const check = (state: ForgeCheck['state'], fields: Partial<ForgeCheck> = {}): ForgeCheck => ({
  ...{ name: 'build', state, required: null, url: null, detail: 'exit 1' },
  ...fields,
});
const waitsFor = (detail: string, merges = false) => ({ kind: 'wait', awaits: { detail, merges } });

describe('a deploy', () => {
  it('merges the approved head, in turn with the other merges into that base', async () => {
    const { merged, turns, result } = deploy();
    expect((await result).judgement.verdict).toBe('success');
    expect(merged).toEqual([APPROVED]);
    expect(turns).toEqual(['merge:api:main']);
  });

  it('opens the pull request that is not there yet before it merges it', async () => {
    const { opened, result } = deploy();
    expect((await result).pr).toEqual({ number: 7, url: null, state: 'merged' });
    expect(opened).toEqual(['orch/api-1']);
  });

  it('asks again for commits by people, also when an attempt before it had brought them in', async () => {
    for (const synced of [
      { kind: 'synced', head: BY_PEOPLE, commits: [] },
      { kind: 'up_to_date', head: BY_PEOPLE },
    ] as const) {
      const { merged, pushed, result } = deploy({ synced });
      expect(await result).toMatchObject({
        outcome: { kind: 'ask', code: 'approval.pending' },
        head: BY_PEOPLE,
      });
      expect(merged).toEqual([]);
      expect(pushed).toHaveLength(1);
    }
  });

  it('goes on with a head that is the approved one with the base merged in', async () => {
    const { merged, result } = deploy({ approved: BY_PEOPLE, isSame: true });
    expect((await result).judgement.verdict).toBe('success');
    expect(merged).toEqual([APPROVED]);
  });
});

describe('what others say of the head', () => {
  it.each<[string, Partial<PullFacts>, object]>([
    [
      'that still runs is waited for',
      { checks: [check('pending'), check('pending', { name: 'lint' })] },
      waitsFor('2 checks still run on aaaaaaa'),
    ],
    [
      'that failed goes back',
      { checks: [check('failure'), check('pending', { name: 'lint' })] },
      { kind: 'send_back', findings: [{ title: 'CI: build failed' }], facts: { head: APPROVED } },
    ],
    [
      'that contradicts the base is a conflict round',
      { conflict: true },
      { kind: 'send_back', conflict: { files: [] } },
    ],
  ])('%s', async (_name, pull, outcome) => {
    const { merged, result } = deploy({ pull });
    expect((await result).outcome).toMatchObject(outcome);
    expect(merged).toEqual([]);
  });

  it('and is not required holds nothing', async () => {
    const checks = [
      check('failure', { required: false }),
      check('success', { name: 'lint', required: true }),
    ];
    const { result } = deploy({ pull: { checks }, update: { kind: 'up_to_date', head: APPROVED } });
    expect((await result).judgement).toMatchObject({ verdict: 'transient' });
  });

  it('on an older base alone is no proof: the base is brought in and the checks run again', async () => {
    const { merged, pushed, result } = deploy({ pull: { checks: [check('success')] }, isSame: true });
    expect(await result).toMatchObject({
      outcome: waitsFor('main was merged in as eeeeeee, its checks are to come'),
      ...{ head: UPDATED, carriedTo: UPDATED },
    });
    expect([merged, pushed]).toEqual([[], ['orch/api-1']]);
  });
});

describe('a forge that wants the branch brought up to date', () => {
  const outdated = { merges: [{ kind: 'outdated', detail: 'behind' }], pull: {} } as const;

  it('gets the base merged in, and the yes holds for the same change', async () => {
    expect(await deploy({ ...outdated, isSame: true }).result).toMatchObject({
      outcome: { kind: 'wait' },
      ...{ head: UPDATED, carriedTo: UPDATED },
    });
  });

  it('has the yes asked for again when the change is another', async () => {
    const result = await deploy(outdated).result;
    expect(result).toMatchObject({ outcome: { kind: 'ask', code: 'approval.pending' }, head: UPDATED });
    expect(result.carriedTo ?? null).toBeNull();
  });

  it('that contradicts it is a conflict round in those files', async () => {
    const update = { kind: 'conflict', files: ['src/a.ts'] } as const;
    expect((await deploy({ ...outdated, update }).result).outcome).toMatchObject({
      kind: 'send_back',
      conflict: { files: ['src/a.ts'] },
      findings: [{ title: 'conflict with main: src/a.ts' }],
    });
  });
});

describe('a merge that the forge does not make now', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => vi.useRealTimers());
  const ended = async ({ result }: ReturnType<typeof deploy>) => {
    await vi.advanceTimersByTimeAsync(60_000);
    return result;
  };

  it('is tried again a few times, and then is a passing trouble', async () => {
    const again = { kind: 'retry', detail: 'still checking' } as const;
    const helped = deploy({ merges: [again, again, { kind: 'merged', commit: MERGED }] });
    expect((await ended(helped)).judgement.verdict).toBe('success');
    const given = deploy({ merges: [again] });
    expect((await ended(given)).judgement).toMatchObject({ verdict: 'transient', reason: 'still checking' });
    expect(given.merged).toHaveLength(4);
  });

  it('but promises is waited for', async () => {
    const result = await deploy({ merges: [{ kind: 'scheduled', detail: 'when its checks are green' }] })
      .result;
    expect(result.outcome).toEqual(waitsFor('when its checks are green', true));
  });

  it('or refuses is for a person: of a head that the yes was carried to, to say it again', async () => {
    const merges = [{ kind: 'refused', detail: '1 approval is missing' }] as const;
    expect(await deploy({ merges }).result).toMatchObject({
      finalCode: 'forge.refused',
      judgement: { reason: '1 approval is missing' },
    });
    expect((await deploy({ merges, approved: BY_PEOPLE, isSame: true }).result).outcome).toMatchObject({
      kind: 'ask',
      detail: 'the forge refuses aaaaaaa: 1 approval is missing',
    });
  });

  it('is made on no other base than the one it was checked on', async () => {
    const moved = deploy({ bases: ['f'.repeat(40), BASE] });
    expect((await ended(moved)).judgement.verdict).toBe('success');
    expect(moved.merged).toHaveLength(1);
    const moves = deploy({ bases: ['f'.repeat(40)] });
    expect((await ended(moves)).judgement.verdict).toBe('transient');
    expect(moves.merged).toEqual([]);
  });

  it('while its branch is gone there has it pushed again', async () => {
    const gone = deploy({ pull: { head: null } });
    expect((await ended(gone)).judgement.verdict).toBe('transient');
    expect([gone.merged, gone.pushed.length]).toEqual([[], 4]);
  });

  it('is not begun any more when the attempt is to end', async () => {
    const { merged, result } = deploy({ signal: AbortSignal.abort() });
    expect((await result).judgement.verdict).toBe('cancelled');
    expect(merged).toEqual([]);
  });
});
