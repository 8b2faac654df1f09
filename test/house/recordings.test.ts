import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kinds, readerOfKind } from '../../src/registry.ts';
import { requirement, suiteName } from '../support/requirements.ts';

/** Folders of recordings that are not named by their kind. */
const FOLDERS: Readonly<Record<string, string>> = { 'claude-code': 'claude' };

const shared = requirement('shared');
const readers = await Promise.all(kinds().judgedAgents.map((kind) => readerOfKind(kind, '')));

test('each kind in the list loads the adapter of that kind', () => {
  expect(readers.map(({ kind }) => kind)).toEqual(kinds().judgedAgents);
});

describe.skipIf(!shared.available)(suiteName('recordings that are shared', shared), () => {
  const recorded = readers.filter(({ recordedVersions }) => recordedVersions !== null);

  test.each(recorded.map((reader) => [reader.kind, reader] as const))(
    'carry no version of %s that its adapter does not state',
    (kind, { recordedVersions }) => {
      const folder = join(shared.value, 'fixtures/agent-logs', FOLDERS[kind] ?? kind);
      const versions = readdirSync(folder).map(
        (name) =>
          (JSON.parse(readFileSync(join(folder, name, 'case.json'), 'utf8')) as { cli_version: string })
            .cli_version,
      );
      expect(versions.length).toBeGreaterThan(0);
      expect(new Set(recordedVersions)).toEqual(new Set([...(recordedVersions ?? []), ...versions]));
    },
  );
});
