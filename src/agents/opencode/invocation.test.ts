import { describe, expect, it } from 'vitest';
import { requestFor } from '../agent.contract.ts';
import type { AgentRequest } from '../agent.ts';
import { invocationOf } from './invocation.ts';

const account = { id: 'a', home: '/srv/agents/a', bin: 'opencode', env: { ANTHROPIC_API_KEY: 'k' } };

function permissions(changes: Partial<AgentRequest>): Record<string, unknown> {
  return JSON.parse(invocationOf(requestFor(account, changes)).env['OPENCODE_PERMISSION'] ?? '');
}

describe('an opencode run', () => {
  it('prints events, takes no plugin, and reads its prompt from stdin', () => {
    const { argv, stdin } = invocationOf(requestFor(account));
    expect(argv).toEqual(['opencode', 'run', '--format', 'json', '--pure']);
    expect(stdin).toBe('Fix it.');
  });

  it('takes model and effort, and goes on with a session', () => {
    const session = { id: 'ses_dfd74abc0ffeIdeEF3bIDKd03X', resume: true };
    const { argv } = invocationOf(
      requestFor(account, { model: 'anthropic/claude', effort: 'high', session }),
    );
    expect(argv.slice(5)).toEqual(['-m', 'anthropic/claude', '--variant', 'high', '-s', session.id]);
  });

  it('updates nothing, shares nothing, and passes over what the repository configures', () => {
    const { env } = invocationOf(
      requestFor({ ...account, env: { ...account.env, OPENCODE_DISABLE_PROJECT_CONFIG: '0' } }),
    );
    expect(env).toMatchObject({
      HOME: '/srv/agents/a',
      ANTHROPIC_API_KEY: 'k',
      TZ: 'UTC',
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_SHARE: '1',
      OPENCODE_DISABLE_PROJECT_CONFIG: '1',
    });
  });

  it('never asks, since a question that is refused ends the run', () => {
    for (const changes of [{ tools: 'read' }, { tools: 'write' }, { bypassPermissions: true }] as const)
      expect(JSON.stringify(permissions(changes))).not.toContain('ask');
  });

  it('may look, and write its hand-in, in a reading stage', () => {
    const read = permissions({ tools: 'read', bypassPermissions: true });
    expect(read).toMatchObject({
      '*': 'deny',
      read: 'allow',
      edit: { '*': 'deny', '.orch-work/*': 'allow' },
    });
    // The last rule that fits decides.
    expect(Object.entries(read['bash'] as object).at(0)).toEqual(['*', 'deny']);
    expect(Object.entries(read['bash'] as object).at(-1)).toEqual(['*>*', 'deny']);
  });

  it('may edit and run commands in a writing stage, and all of it only by a bypass', () => {
    expect(permissions({ tools: 'write' })).toMatchObject({ '*': 'deny', edit: 'allow', bash: 'allow' });
    expect(permissions({ tools: 'write' })).not.toHaveProperty('webfetch');
    expect(permissions({ bypassPermissions: true })).toEqual({ '*': 'allow' });
  });
});
