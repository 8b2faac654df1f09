import { describe, expect, it } from 'vitest';
import { sendBackTarget, stageAfter, stageNamed, waitsForPerson } from './pipeline.ts';
import { stage } from './test-kit.ts';

const PIPELINE = [
  stage('analysis', { agent: 'analyst' }),
  stage('development', { agent: 'developer' }),
  stage('polish', { agent: 'developer' }),
  stage('review', { agent: 'reviewer', onReject: 'development' }),
  stage('testing', { agent: 'tester' }),
  stage('accept', { kind: 'human', agent: null }),
  stage('deploy', { kind: 'deploy', agent: null, approval: 'required' }),
];

describe('where a stage sends work back to', () => {
  it.each([
    ['where the stage says', PIPELINE, 'review', 'development'],
    ['the nearest earlier developer, where it says nothing', PIPELINE, 'testing', 'polish'],
    ['the nearest earlier developer, for a person too', PIPELINE, 'accept', 'polish'],
    [
      'the nearest earlier agent, where nobody develops',
      [stage('analysis'), stage('writing'), stage('accept', { kind: 'human', agent: null })],
      'accept',
      'writing',
    ],
    ['nowhere, for the first stage', PIPELINE, 'analysis', undefined],
    [
      'nowhere, when only people and commands came before',
      [stage('lint', { kind: 'command', agent: null }), stage('review')],
      'review',
      undefined,
    ],
    [
      'nowhere, when the stage it names is gone',
      [stage('development'), stage('review', { onReject: 'coding' })],
      'review',
      undefined,
    ],
    ['nowhere, for a stage that is not in the pipeline', PIPELINE, 'gone', undefined],
  ])('is %s', (_name, pipeline, from, expected) => {
    expect(sendBackTarget(pipeline, from)?.stage).toBe(expected);
  });
});

describe('a pipeline', () => {
  it('knows its stages by name and what comes next', () => {
    expect(stageNamed(PIPELINE, 'review')).toBe(PIPELINE[3]);
    expect(stageNamed(PIPELINE, 'gone')).toBeNull();
    expect([
      stageAfter(PIPELINE, 'review')?.stage,
      stageAfter(PIPELINE, 'deploy'),
      stageAfter(PIPELINE, 'gone'),
    ]).toEqual(['testing', null, null]);
  });

  it('waits for a person before a human stage and before a deploy that needs approval, and before nothing else', () => {
    expect(PIPELINE.filter(waitsForPerson).map((s) => s.stage)).toEqual(['accept', 'deploy']);
    expect(waitsForPerson(stage('deploy', { kind: 'deploy', approval: 'none' }))).toBe(false);
    expect(waitsForPerson(stage('review', { approval: 'required' }))).toBe(false);
  });
});
