import { describe, expect, it } from 'vitest';
import { choosePipeline, itemFacts, type PipelineWhen, type Size } from './pipeline-choice.ts';

const when = (labels: string[], size: Size[] = []): PipelineWhen => ({ labels, size });
const PIPELINES = [
  { name: 'full', when: when(['security']) },
  { name: 'quick', when: when(['Quick', ' docs '], []) },
  { name: 'tiny', when: when([], ['small']) },
  { name: 'big-bug', when: when(['bug'], ['medium', 'large']) },
  { name: 'by-name', when: null },
  { name: 'never', when: when([]) },
];

describe('the pipeline of a work item', () => {
  it.each<[string, string[], Size | null, string]>([
    ['full, for one that nothing asks for', [], null, 'full'],
    ['by any of the labels', ['backend', 'docs'], null, 'quick'],
    ['by a label in other letters, with space around it', [' QUICK '], null, 'quick'],
    ['by size', [], 'small', 'tiny'],
    ['the first in the file, where two would do', ['quick'], 'small', 'quick'],
    ['full, where full is asked for before the others', ['quick', 'security'], 'small', 'full'],
    ['by label and size together', ['bug'], 'large', 'big-bug'],
    ['not by a label alone, where a size is asked for too', ['bug'], null, 'full'],
    ['not by a size alone, where a label is asked for too', [], 'large', 'full'],
    ['not by a part of a label', ['quickly'], null, 'full'],
  ])('is %s', (_name, labels, size, expected) => {
    expect(choosePipeline(PIPELINES, { labels, size })).toBe(expected);
  });
});

describe('labels and size', () => {
  it.each<[string, string[], Size | null, string[], Size | null]>([
    ['are kept as written, each once', [' Bug', 'bug', '', 'docs '], null, ['Bug', 'docs'], null],
    ['a label can say the size', ['size:small'], null, ['size:small'], 'small'],
    ['in either form', ['SIZE/Large'], null, ['SIZE/Large'], 'large'],
    ['the size that is given wins', ['size:small'], 'large', ['size:small'], 'large'],
    [
      'of two sizes the larger is meant',
      ['size:large', 'size:small'],
      null,
      ['size:large', 'size:small'],
      'large',
    ],
    ['another word is no size', ['size:huge', 'small'], null, ['size:huge', 'small'], null],
  ])('%s', (_name, labels, size, kept, expected) => {
    expect(itemFacts(labels, size)).toEqual({ labels: kept, size: expected });
  });
});
