import { describe, expect, it } from 'vitest';
import { requestFor } from '../agent.contract.ts';
import { invocationOf } from './invocation.ts';

const account = { id: 'a', home: '/srv/agents/a', bin: 'codex', env: { FAKE_KEY: 'k', CODEX_HOME: '' } };
const thread = '01a20285-ca7c-70e0-b946-c81362cac9b5';

describe('a codex run', () => {
  it('is fresh, reads its prompt from stdin, and may write in the worktree alone', () => {
    const { argv, env, stdin } = invocationOf(requestFor(account));
    expect(argv.slice(0, 6)).toEqual([
      'codex',
      'exec',
      '--json',
      '--skip-git-repo-check',
      '-s',
      'workspace-write',
    ]);
    expect(argv.at(-1)).toBe('-');
    expect(argv).not.toContain('resume');
    expect(stdin).toBe('Fix it.');
    expect(env).toEqual({ FAKE_KEY: 'k', HOME: '/srv/agents/a', TZ: 'UTC', LANG: 'C.UTF-8' });
  });

  it('asks nobody, updates nothing, and passes over what the repository configures', () => {
    const { argv } = invocationOf(requestFor(account, { worktree: '/srv/a "b"' }));
    for (const entry of [
      'approval_policy="never"',
      'check_for_update_on_startup=false',
      'analytics.enabled=false',
      'project_doc_max_bytes=0',
      'projects={"/srv/a \\"b\\""={trust_level="untrusted"}}',
    ])
      expect(argv[argv.indexOf(entry) - 1]).toBe('-c');
  });

  it('takes model and effort, and goes on with a thread', () => {
    const request = requestFor(account, {
      model: 'gpt-6',
      effort: 'high',
      session: { id: thread, resume: true },
    });
    const { argv } = invocationOf(request);
    expect(argv.slice(-5)).toEqual(['-m', 'gpt-6', 'resume', thread, '-']);
    expect(argv).toContain('model_reasoning_effort="high"');
  });

  it('is told the instructions of the repository once', () => {
    const told = invocationOf(requestFor(account, { instructions: 'Use tabs.' })).stdin;
    expect(told).toMatch(/Use tabs\.[\s\S]*Fix it\.$/);
    const again = requestFor(account, { instructions: 'Use tabs.', session: { id: thread, resume: true } });
    expect(invocationOf(again).stdin).toBe('Fix it.');
  });

  it('leaves its sandbox only where it may, and never to read', () => {
    const bypass = '--dangerously-bypass-approvals-and-sandbox';
    expect(invocationOf(requestFor(account, { bypassPermissions: true })).argv).toContain(bypass);
    expect(invocationOf(requestFor(account, { bypassPermissions: true, tools: 'read' })).argv).not.toContain(
      bypass,
    );
  });

  it('never looks for its login in the worktree', () => {
    const { env } = invocationOf(requestFor({ ...account, env: { CODEX_HOME: 'codex' } }));
    expect(env['CODEX_HOME']).toBe('/srv/agents/a/codex');
  });
});
