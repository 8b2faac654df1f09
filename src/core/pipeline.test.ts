import { describe, expect, it } from 'vitest';
import {
  asksForPaths,
  type EntryFacts,
  firstStage,
  sendBackTarget,
  stageAfter,
  stageNamed,
  waitsForPerson,
} from './pipeline.ts';
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

const NOTHING: EntryFacts = { labels: [], changed: [] };

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
      stageAfter(PIPELINE, 'review', NOTHING)?.stage,
      stageAfter(PIPELINE, 'deploy', NOTHING),
      stageAfter(PIPELINE, 'gone', NOTHING),
    ]).toEqual(['testing', null, null]);
  });

  it('waits for a person before a human stage and before a deploy that needs approval, and before nothing else', () => {
    expect(PIPELINE.filter(waitsForPerson).map((s) => s.stage)).toEqual(['accept', 'deploy']);
    expect(waitsForPerson(stage('deploy', { kind: 'deploy', approval: 'none' }))).toBe(false);
    expect(waitsForPerson(stage('review', { approval: 'required' }))).toBe(false);
  });
});

describe('a stage with a condition', () => {
  const pipeline = (labels: string[], paths: string[]) => [
    stage('development'),
    stage('security', { when: { labels, paths } }),
    stage('deploy', { kind: 'deploy', when: { labels: ['never'], paths: [] } }),
  ];

  it.each<[string, string[], string[], EntryFacts, string]>([
    ['entered when it asks for nothing', [], [], NOTHING, 'security'],
    ['entered for one of its labels', ['risky', 'auth'], [], { labels: ['AUTH '], changed: [] }, 'security'],
    ['passed over without its label', ['risky'], [], { labels: ['docs'], changed: [] }, 'deploy'],
    [
      'entered for a file that matches',
      [],
      ['**/*.sql', 'src/auth/**'],
      { labels: [], changed: ['README.md', 'src/auth/a/b.ts'] },
      'security',
    ],
    [
      'passed over when no file matches',
      [],
      ['src/auth/**'],
      { labels: [], changed: ['src/author.ts'] },
      'deploy',
    ],
    ['passed over when nothing changed', [], ['**'], NOTHING, 'deploy'],
    ['entered when the files are not known', [], ['src/auth/**'], { labels: [], changed: null }, 'security'],
    [
      'entered for label and file together',
      ['risky'],
      ['a'],
      { labels: ['risky'], changed: ['a'] },
      'security',
    ],
    ['passed over for the label alone', ['risky'], ['a'], { labels: ['risky'], changed: ['b'] }, 'deploy'],
    ['passed over for the file alone', ['risky'], ['a'], { labels: [], changed: ['a'] }, 'deploy'],
  ])('is %s, and a merge is never passed over', (_name, labels, paths, facts, expected) => {
    expect(stageAfter(pipeline(labels, paths), 'development', facts)?.stage).toBe(expected);
  });

  it('may be the first one, and then needs its label', () => {
    const stages = [stage('analysis', { when: { labels: ['new'], paths: [] } }), stage('development')];
    expect(firstStage(stages, { labels: ['new'], changed: [] })?.stage).toBe('analysis');
    expect(firstStage(stages, NOTHING)?.stage).toBe('development');
    expect(firstStage(stages.slice(0, 1), NOTHING)).toBeNull();
  });

  it('asks for the changed files only where it names some, and only before it', () => {
    expect(asksForPaths(pipeline(['a'], []), 'development')).toBe(false);
    expect(asksForPaths(pipeline([], ['a']), 'development')).toBe(true);
    expect(asksForPaths(pipeline([], ['a']), 'security')).toBe(false);
    expect(asksForPaths(pipeline([], ['a']), 'gone')).toBe(false);
  });
});
