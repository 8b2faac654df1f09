import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../support/requirements.ts';

/** Contrast of every pair that the page uses: text at least 4.5:1, icons, bars and control edges at least 3:1. */

const css = readFileSync(join(projectRoot, 'web/src/tokens.css'), 'utf8');
const THEMES = ['light', 'dark'] as const;
const STATES = ['queued', 'running', 'waiting', 'attention', 'failed', 'done'] as const;

function tokensOf(theme: (typeof THEMES)[number]): Map<string, string> {
  const block = new RegExp(`\\[data-theme="${theme}"\\]\\s*\\{([^}]*)\\}`).exec(css)?.[1] ?? '';
  return new Map(
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-fA-F]{6})/g)].map(([, name = '', value = '']) => [name, value]),
  );
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const TEXT: readonly (readonly [string, string])[] = [
  ...['text', 'text-2', 'text-3'].flatMap((text) =>
    ['bg', 'surface', 'inset'].map((ground) => [text, ground] as const),
  ),
  ...['bg', 'surface', 'accent-tint'].map((ground) => ['accent', ground] as const),
  ['accent-ink', 'accent'],
  ['text', 'accent-tint'],
  ...STATES.flatMap((state) => [
    [`${state}-fg`, `${state}-bg`] as const,
    [`${state}-fg`, 'surface'] as const,
    [`${state}-fg`, 'bg'] as const,
    ['text', `${state}-bg`] as const,
    ['text-2', `${state}-bg`] as const,
  ]),
];
const MARKS: readonly (readonly [string, string])[] = [
  ...STATES.flatMap((state) => [
    [state, `${state}-bg`] as const,
    [state, 'surface'] as const,
    [state, 'bg'] as const,
  ]),
  ['line-strong', 'surface'],
  ['accent', 'surface'],
  ...[1, 2, 3, 4, 5, 6].map((n) => [`series-${n}`, 'surface'] as const),
];

describe.each(THEMES)('the %s theme', (theme) => {
  const tokens = tokensOf(theme);
  const ratio = ([a, b]: readonly [string, string]) =>
    contrast(tokens.get(a) ?? '#000000', tokens.get(b) ?? '#000000');

  it('has every token that is compared', () => {
    const named = [...TEXT, ...MARKS].flat();
    expect(named.filter((name) => !tokens.has(name))).toEqual([]);
  });
  it.each(TEXT)('text %s on %s can be read', (...pair) => {
    expect(ratio(pair)).toBeGreaterThanOrEqual(4.5);
  });
  it.each(MARKS)('mark %s on %s can be seen', (...pair) => {
    expect(ratio(pair)).toBeGreaterThanOrEqual(3);
  });
});
