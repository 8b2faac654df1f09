import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { requirement, suiteName } from '../support/requirements.ts';

let scratch = '';

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'orch-requirements-'));
  vi.stubEnv('ORCH_TEST_REQUIRE', '');
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true, force: true });
});

describe('requirement', () => {
  test('gives the path of what is there', () => {
    writeFileSync(join(scratch, 'claude'), '');
    vi.stubEnv('ORCH_TEST_CLAUDE_BIN', join(scratch, 'claude'));
    expect(requirement('real-cli')).toEqual({ available: true, reason: '', value: join(scratch, 'claude') });
  });

  test('names the reason when it is not, and the suite carries it', () => {
    vi.stubEnv('ORCH_SHARED_DIR', scratch);
    const shared = requirement('shared');
    expect(shared).toMatchObject({ available: false, value: '' });
    expect(suiteName('contracts', shared)).toBe(`contracts [skipped: ${shared.reason}]`);
  });

  test('fails where CI requires it', () => {
    vi.stubEnv('ORCH_SHARED_DIR', join(scratch, 'nowhere'));
    vi.stubEnv('ORCH_TEST_REQUIRE', 'real-cli, shared');
    expect(() => requirement('shared')).toThrow(/ORCH_TEST_REQUIRE lists shared/);
  });

  test('a name that nobody knows is an error, not a requirement that never fails', () => {
    vi.stubEnv('ORCH_TEST_REQUIRE', 'postgress');
    expect(() => requirement('shared')).toThrow(
      /lists postgress; known: real-cli, shared, postgres, browser/,
    );
  });
});

describe('the environment of tests', () => {
  test("holds nothing of a developer's own Orch or Claude", () => {
    const kept = /^ORCH_(TEST_.+|SHARED_DIR|REAL_CLI_CACHE)$/;
    const left = Object.keys(process.env).filter(
      (name) => /^(ORCH|ANTHROPIC|CLAUDE)_/.test(name) && !kept.test(name),
    );
    expect(left).toEqual([]);
  });
});
