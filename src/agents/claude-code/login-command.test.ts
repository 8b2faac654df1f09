import { describe, expect, it } from 'vitest';
import { loginCommandOf } from './login-command.ts';

describe('the command with which a person signs in', () => {
  it('names the home and what moves its files, quoted for a shell', () => {
    const account = { id: 'a', home: '/srv/agents/a', bin: 'claude', env: {} };
    expect(loginCommandOf(account)).toBe('HOME=/srv/agents/a claude /login');
    expect(
      loginCommandOf({
        ...account,
        bin: '/opt/my cli/claude',
        env: { CLAUDE_CONFIG_DIR: '/srv/c d', ANTHROPIC_API_KEY: 'k' },
      }),
    ).toBe("HOME=/srv/agents/a CLAUDE_CONFIG_DIR='/srv/c d' '/opt/my cli/claude' /login");
  });
});
