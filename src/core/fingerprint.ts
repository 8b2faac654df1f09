import { failureLines } from './checks.ts';
import type { Finding } from './model.ts';

/** Two failures, or two findings, are the same when what varies by chance is left out. */

const MAX_CHARS = 2000;
/** Share of common words from which two findings on one file are the same, reworded. */
const SAME_WORDS = 0.5;
const FILLER = new Set(
  'a an and are as at be been by can could do does for from has have in into is it its must not of on or please shall should so still that the then there this to was were will with would you your'.split(
    ' ',
  ),
);

/**
 * What a failure says: its first line and the lines that speak of failures, without numbers, ids,
 * times and folders. Equal for the same failure again.
 */
export function failureFingerprint(reason: string): string {
  const [first = '', ...output] = reason.split('\n');
  const said = [...failureLines(output.join('\n'))].map(withoutChance).sort();
  return [withoutChance(first), ...new Set(said)].join('\n').slice(0, MAX_CHARS);
}

function withoutChance(line: string): string {
  return line
    .toLowerCase()
    .replace(/\b[0-9a-f]{7,64}\b/g, '#')
    .replace(/(?:\/[\w.@-]+){2,}\//g, '/')
    .replace(/\d+(?:[.,:]\d+)*/g, '#')
    .replace(/\s+/g, ' ')
    .trim();
}

/** A finding as its file and the words that carry meaning, in order: `src/a.ts|late null session`. */
export function findingFingerprint(finding: Pick<Finding, 'file' | 'title'>): string {
  const words = finding.title.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
  const telling = [...new Set(words.filter((word) => !FILLER.has(word)))].sort();
  return `${finding.file ?? ''}|${telling.join(' ')}`;
}

/** Whether two fingerprints speak of one finding: the same file, and mostly the same words. */
export function isSameFinding(one: string, other: string): boolean {
  if (one === other) return true;
  const [fileA, wordsA] = split(one);
  const [fileB, wordsB] = split(other);
  if (fileA !== fileB) return false;
  const common = [...wordsA].filter((word) => wordsB.has(word)).length;
  const all = wordsA.size + wordsB.size - common;
  return all > 0 && common / all >= SAME_WORDS;
}

function split(fingerprint: string): [string, Set<string>] {
  const at = fingerprint.lastIndexOf('|');
  const words = fingerprint.slice(at + 1);
  return [fingerprint.slice(0, at), new Set(words === '' ? [] : words.split(' '))];
}
