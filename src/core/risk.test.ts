import { describe, expect, it } from 'vitest';
import { partsOfPatch, type Risk, risksOf } from './risk.ts';

describe('what a change touches', () => {
  it.each<[string, Risk[]]>([
    ['.github/workflows/ci.yml', ['ci']],
    ['services/api/Jenkinsfile', ['ci']],
    ['.husky/pre-commit', ['hooks']],
    ['.gitattributes', ['hooks']],
    ['setup.py', ['scripts']],
    ['.claude/settings.json', ['agent']],
    ['docs/AGENTS.md', ['agent']],
    ['.orch/pipeline.yaml', ['orch']],
    ['db/migrations/0003_users.sql', ['migration']],
    ['.env', ['secrets']],
    ['config/server.key', ['secrets']],
    ['package-lock.json', ['lockfile']],
    ['.env.example', []],
    ['src/agents.ts', []],
    ['src/environment.ts', []],
    ['docs/github.md', []],
  ])('%s: %j', (path, risks) => {
    expect(risksOf(path, null)).toEqual(risks);
  });

  it('a manifest counts when what is run on installing it changes, or when that is not known', () => {
    expect(risksOf('web/package.json', '+    "postinstall": "node evil.js",')).toEqual(['scripts']);
    expect(risksOf('web/package.json', '-  "prepare": "x"')).toEqual(['scripts']);
    expect(risksOf('web/package.json', '+  "left-pad": "1.0.0"')).toEqual([]);
    expect(risksOf('package.json', null)).toEqual(['scripts']);
  });
});

it('a patch is taken apart by file', () => {
  const patch =
    'diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n@@ -1 +1 @@\n-x\n+y\ndiff --git a/gone b/gone\n--- a/gone\n+++ /dev/null\n';
  const parts = partsOfPatch(patch);
  expect([...parts.keys()]).toEqual(['a.ts', 'gone']);
  expect(parts.get('a.ts')).toContain('+y');
});
