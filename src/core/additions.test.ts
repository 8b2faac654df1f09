import { describe, expect, it } from 'vitest';
import { type AddedStage, type Additions, extendPipelines } from './additions.ts';
import { type Stage, sendBackTarget } from './pipeline.ts';
import { stage } from './test-kit.ts';

const human = (name: string) => stage(name, { kind: 'human', agent: null });
const deploy = stage('deploy', { kind: 'deploy', agent: null, approval: 'required' });
const FULL = {
  name: 'full',
  stages: [
    stage('analysis', { agent: 'analyst' }),
    stage('development', { agent: 'developer' }),
    stage('review', { agent: 'reviewer', onReject: 'development' }),
    stage('testing', { agent: 'tester' }),
    human('accept'),
    deploy,
  ],
};
const QUICK = {
  name: 'quick',
  stages: [
    stage('development', { agent: 'developer' }),
    stage('review', { agent: 'reviewer', onReject: 'development' }),
    deploy,
  ],
};

function added(name: string, where: string, fields: Partial<Stage> = {}, writes = false): AddedStage {
  const [side, anchor] = where.split(' ') as ['before' | 'after', string];
  return {
    stage: stage(name, { agent: 'reviewer', ...fields }),
    side,
    anchor,
    writes,
    key: `stages.${name}`,
  };
}

function extend(...stages: AddedStage[]) {
  const additions: Additions = { stages, checks: [], notes: [] };
  const { pipelines, misfits } = extendPipelines<Stage, typeof FULL>([FULL, QUICK], additions);
  const [full = [], quick = []] = pipelines.map((pipeline) => pipeline.stages);
  return { full, quick, misfits, names: (of: readonly Stage[]) => of.map((each) => each.stage).join(' ') };
}

describe('what a repository adds', () => {
  it('stands beside its anchor in every pipeline that has it, in the order of the file', () => {
    const { full, quick, names, misfits } = extend(
      added('security', 'after review'),
      added('licence', 'after review'),
      added('plan', 'before development'),
      added('notes', 'after analysis'),
      added('again', 'after security'),
      { ...added('review-approval', 'after review'), stage: human('review-approval') },
    );
    expect(misfits).toEqual([]);
    expect(names(full)).toBe(
      'analysis notes plan development review security again licence review-approval testing accept deploy',
    );
    expect(names(quick)).toBe('plan development review security again licence review-approval deploy');
  });

  it('leaves every stage that was there as it was, its way back included', () => {
    const { full } = extend(added('format', 'after development', { agent: 'developer' }, true));
    expect(
      full.filter(({ stage: name }) => name !== 'format').map((each) => ({ ...each, onReject: null })),
    ).toEqual(FULL.stages.map((each) => ({ ...each, onReject: null })));
    for (const { stage: name } of FULL.stages)
      expect(sendBackTarget(full, name)?.stage).toBe(sendBackTarget(FULL.stages, name)?.stage);
  });

  it('goes back only to a stage that comes earlier, in each pipeline', () => {
    const { full, quick, misfits } = extend(added('security', 'after review', { onReject: 'analysis' }));
    expect(misfits).toEqual([]);
    expect(full.find((each) => each.stage === 'security')?.onReject).toBe('analysis');
    expect(quick.find((each) => each.stage === 'security')?.onReject).toBeNull();
  });

  it.each<[string, AddedStage, string, string]>([
    [
      'takes the name of a stage',
      added('review', 'after development'),
      'stages.review.stage',
      'cannot be changed',
    ],
    [
      'takes the name of the merge',
      added('deploy', 'after review'),
      'stages.deploy.stage',
      'cannot be changed',
    ],
    [
      'stands beside a stage that no pipeline has',
      added('x', 'after reveiw'),
      'stages.x.after',
      'is not a stage',
    ],
    ['comes after the merge', added('x', 'after deploy'), 'stages.x.after', 'after the merge'],
    [
      'develops after a review',
      added('x', 'after review', { agent: 'developer' }, true),
      'stages.x.after',
      'already seen',
    ],
    [
      'writes between a person and the merge',
      added('x', 'before deploy', { agent: 'tester' }, true),
      'stages.x.before',
      'already seen',
    ],
    [
      'jumps forward, over a review, when it rejects',
      added('x', 'after development', { onReject: 'deploy' }),
      'stages.x.on_reject',
      'comes earlier',
    ],
    [
      'rejects to itself',
      added('x', 'after review', { onReject: 'x' }),
      'stages.x.on_reject',
      'comes earlier',
    ],
  ])('does not fit when it %s', (_what, stage, key, problem) => {
    const { full, quick, misfits, names } = extend(stage, added('fine', 'after review'));
    expect(misfits).toEqual([{ key, problem: expect.stringContaining(problem), fix: expect.any(String) }]);
    // What fits still stands, in its place.
    expect(names(full)).toBe('analysis development review fine testing accept deploy');
    expect(names(quick)).toBe('development review fine deploy');
  });

  it('may write tests after a review, and read anywhere', () => {
    const tests = added('more-tests', 'after review', { agent: 'tester' }, true);
    expect(extend(tests, added('look', 'after accept')).misfits).toEqual([]);
  });

  it('cannot name the prompt of a stage that is not there; a file that only lies there is no mistake', () => {
    const notes = [
      { stage: 'developmnt', text: 'x', file: 'a.md', key: 'prompts.developmnt', problem: null },
      { stage: 'readme', text: 'x', file: 'readme.md', key: null, problem: 'is not a template' },
      { stage: 'review', text: 'x', file: 'review.md', key: null, problem: 'is not a template' },
    ];
    expect(extendPipelines([FULL], { stages: [], checks: [], notes }).misfits).toMatchObject([
      { key: 'prompts.developmnt', problem: 'is not a stage of this project' },
      { key: 'review.md', problem: 'is not a template' },
    ]);
  });
});
