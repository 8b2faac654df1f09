import { describe, expect, it } from 'vitest';
import { type CliVersion, isProven, lastGood } from './cli-version.ts';

function known(version: string, fields: Partial<CliVersion> = {}): CliVersion {
  return {
    kind: 'codex',
    version,
    bin: `/opt/codex-${version}/codex`,
    firstSuccessAt: 1,
    lastSuccessAt: 1,
    trustedBy: null,
    trustedAt: null,
    ...fields,
  };
}

describe('a version of a CLI', () => {
  it.each<[string, string, readonly string[] | null, readonly CliVersion[], boolean]>([
    ['that its adapter has recordings of is proven', '1.0.0', ['1.0.0'], [], true],
    ['that succeeded here is proven', '1.1.0', ['1.0.0'], [known('1.1.0')], true],
    [
      'that a person trusts is proven',
      '1.1.0',
      ['1.0.0'],
      [known('1.1.0', { lastSuccessAt: null, trustedBy: 'mara' })],
      true,
    ],
    ['of a program without a vendor is proven', 'anything', null, [], true],
    ['that nobody has seen is not', '1.1.0', ['1.0.0'], [known('1.2.0')], false],
    ['of another CLI proves nothing', '1.1.0', ['1.0.0'], [known('1.1.0', { kind: 'opencode' })], false],
  ])('%s', (_name, version, recorded, versions, proven) => {
    expect(isProven('codex', version, recorded, versions)).toBe(proven);
  });
});

describe('the last good version', () => {
  it('is the one that succeeded last, of those that are not in question', () => {
    const versions = [
      known('1.0.0', { lastSuccessAt: 5 }),
      known('1.1.0', { lastSuccessAt: 9 }),
      known('1.2.0', { lastSuccessAt: 99 }),
      known('9.9.9', { lastSuccessAt: 999, kind: 'opencode' }),
    ];
    expect(lastGood('codex', versions, ['1.2.0'])?.version).toBe('1.1.0');
  });

  it('is one whose binary is remembered, if there is any', () => {
    const versions = [known('1.0.0', { lastSuccessAt: 5 }), known('1.1.0', { lastSuccessAt: 9, bin: null })];
    expect(lastGood('codex', versions, [])?.version).toBe('1.0.0');
    expect(lastGood('codex', versions, ['1.0.0'])).toMatchObject({ version: '1.1.0', bin: null });
  });

  it('is none that a person only trusted', () => {
    const trusted = known('1.0.0', {
      lastSuccessAt: null,
      firstSuccessAt: null,
      bin: null,
      trustedBy: 'mara',
    });
    expect(lastGood('codex', [trusted], [])).toBeNull();
  });
});
