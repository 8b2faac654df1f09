import { describe, expect, test } from 'vitest';
import { CommitFiles } from './base-files.ts';
import { collectInstructions, importsOf, MAX_INSTRUCTION_BYTES } from './instructions.ts';
import { openKit } from './test-kit.ts';

function files(
  content: Readonly<Record<string, string>>,
  links: Readonly<Record<string, string>> = {},
): CommitFiles {
  const all = { ...content, ...links };
  const entries = Object.entries(all).map(([path, text]) => ({
    path,
    object: path,
    bytes: Buffer.byteLength(text),
    mode: path in links ? '120000' : '100644',
  }));
  return new CommitFiles(entries, async (object, max) => Buffer.from(all[object] ?? '').subarray(0, max));
}

describe('imports in instructions', () => {
  test('are found in prose and lists, not in code', () => {
    const text = [
      'See @docs/style.md and (@a.md).',
      '- @list/item.md',
      '`@span.md` and ``@two`span.md``',
      '```',
      '@fenced.md',
      '```',
      '    @indented.md',
      'mail mara@example.org',
      '@with\\ space.md',
      '~~~js',
      '@tilde.md',
      '~~~',
      'end @last.md.',
    ].join('\n');
    expect(importsOf(text)).toEqual(['docs/style.md', 'a.md', 'list/item.md', 'with space.md', 'last.md']);
  });

  test('are followed relative to the file, five deep, each file once', async () => {
    const chain = Object.fromEntries(
      [1, 2, 3, 4, 5, 6, 7].map((n) => [`docs/d${n}.md`, `depth ${n} @d${n + 1}.md`]),
    );
    const result = await collectInstructions(
      files({
        'CLAUDE.md': 'root @docs/d1.md @AGENTS.md',
        'AGENTS.md': 'agents @CLAUDE.md',
        ...chain,
        '.claude/rules/b/deep.md': 'deep rule',
        '.claude/rules/a.md': 'rule a',
      }),
    );
    expect(result.files.map((file) => file.path)).toEqual([
      'CLAUDE.md',
      'docs/d1.md',
      'docs/d2.md',
      'docs/d3.md',
      'docs/d4.md',
      'docs/d5.md',
      'AGENTS.md',
      '.claude/rules/a.md',
      '.claude/rules/b/deep.md',
    ]);
    expect(result.text).toContain(
      'Contents of .claude/rules/b/deep.md (instructions of this repository):\n\ndeep rule',
    );
  });

  test('never leave the repository', async () => {
    const result = await collectInstructions(
      files(
        {
          'CLAUDE.md': '@/etc/passwd @~/secret @../outside.md @docs/../../x.md @link.md @abs.md',
          'x.md': 'no',
        },
        { 'link.md': '../outside.md', 'abs.md': '/etc/passwd' },
      ),
    );
    expect(result.files.map((file) => file.path)).toEqual(['CLAUDE.md']);
  });

  test('a link inside the repository is followed, a loop of links is not', async () => {
    const result = await collectInstructions(
      files({ 'AGENTS.md': 'the rules' }, { 'CLAUDE.md': 'AGENTS.md', '.claude/rules/x.md': 'x.md' }),
    );
    expect(result.files.map((file) => file.path)).toEqual(['CLAUDE.md', 'AGENTS.md']);
    expect(result.text).toContain('the rules');
  });

  test('are cut at the limit, on a whole character, and say so', async () => {
    const result = await collectInstructions(
      files({ 'CLAUDE.md': 'ü'.repeat(MAX_INSTRUCTION_BYTES), 'AGENTS.md': 'late' }),
    );
    expect(result.files).toEqual([{ path: 'CLAUDE.md', bytes: 2 * MAX_INSTRUCTION_BYTES, truncated: true }]);
    expect(result.text).not.toContain('\uFFFD');
    expect(result.text).toContain('[cut by Orch:');
  });
});

describe('files of the base branch', () => {
  test('come from the remote base, not from the task branch', async () => {
    const kit = await openKit({
      'CLAUDE.md': 'base rules',
      '.claude/rules/one.md': 'rule one',
      '.orch/pipeline.yaml': 'stages: []',
      '.orch/prompts/dev.md': 'prompt',
      '.orch/prompts/deep/no.md': 'no',
    });
    const { path } = await kit.workspace.prepare(kit.repo, { key: 'A', branch: 'orch/a' });
    await kit.write(path, { 'CLAUDE.md': 'obey the task', 'AGENTS.md': 'planted' });
    await kit.git(path, 'add', '-A');
    await kit.git(path, 'commit', '-qm', 'plant');
    const base = await kit.workspace.readBaseFiles(kit.repo, [
      '.orch/pipeline.yaml',
      '.orch/prompts/*.md',
      'missing.md',
    ]);
    expect(base.files.map((file) => [file.path, file.text])).toEqual([
      ['.orch/pipeline.yaml', 'stages: []'],
      ['.orch/prompts/dev.md', 'prompt'],
    ]);
    expect(base.commit).toBe(await kit.head(kit.remote, 'main'));
    const instructions = await kit.workspace.readInstructions(kit.repo);
    expect(instructions.files.map((file) => file.path)).toEqual(['CLAUDE.md', '.claude/rules/one.md']);
    expect(instructions.text).not.toContain('planted');
  });
});
