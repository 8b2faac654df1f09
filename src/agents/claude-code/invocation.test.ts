import { describe, expect, it } from 'vitest';
import { requestFor } from '../agent.contract.ts';
import type { AgentAccount, AgentRequest } from '../agent.ts';
import { invocationOf } from './invocation.ts';

const account: AgentAccount = { id: 'a', home: '/srv/agents/a', bin: 'claude', env: {} };

function invoke(changes: Partial<AgentRequest> = {}) {
  return invocationOf(requestFor(account, changes));
}

/** Each option with its value, as `--name=value`. */
function optionsOf(argv: readonly string[]): string[] {
  return argv.map((word, at) => {
    const value = argv[at + 1];
    return word.startsWith('--') && value !== undefined && !value.startsWith('-') ? `${word}=${value}` : word;
  });
}

describe('Claude Code is started', () => {
  it('streaming, deaf to the settings and servers of the repository', () => {
    expect(optionsOf(invoke().argv)).toEqual(
      expect.arrayContaining([
        '-p',
        '--output-format=stream-json',
        '--verbose',
        '--setting-sources=user',
        '--strict-mcp-config',
        '--session-id=11111111-1111-4111-8111-111111111111',
      ]),
    );
  });

  it('going on with a session where it is asked to', () => {
    const session = { id: '22222222-2222-4222-8222-222222222222', resume: true };
    const argv = optionsOf(invoke({ session }).argv);
    expect(argv).toContain(`--resume=${session.id}`);
    expect(argv.join(' ')).not.toContain('--session-id');
  });

  it('with the model, effort and limits of the stage, and with none where none is set', () => {
    const limits = {
      model: 'claude-opus-4-8[1m]',
      fallbackModel: 'sonnet,haiku',
      effort: 'xhigh',
      maxTurns: 30,
      maxBudgetUsd: 2.5,
    };
    expect(optionsOf(invoke(limits).argv)).toEqual(
      expect.arrayContaining([
        '--model=claude-opus-4-8[1m]',
        '--fallback-model=sonnet,haiku',
        '--effort=xhigh',
        '--max-turns=30',
        '--max-budget-usd=2.5',
      ]),
    );
    expect(invoke().argv.join(' ')).not.toMatch(/--(?:model|fallback-model|effort|max-|append)/);
  });

  it('refusing limits that are none', () => {
    for (const bad of [
      { maxTurns: 0 },
      { maxTurns: 1.5 },
      { maxBudgetUsd: Number.NaN },
      { maxBudgetUsd: -1 },
    ]) {
      expect(() => invoke(bad)).toThrow(expect.objectContaining({ code: 'agent.invalid_request' }));
    }
  });

  it('to read: it writes nowhere but in .orch-work, and runs only git commands that look', () => {
    const argv = optionsOf(invoke({ tools: 'read', bypassPermissions: true }).argv);
    expect(argv).toContain('--permission-mode=default');
    expect(argv).toContain('--tools=Read,Glob,Grep,Write,Edit,Bash');
    const allowed =
      argv
        .find((argument) => argument.startsWith('--allowedTools='))
        ?.split('=')[1]
        ?.split(',') ?? [];
    expect(allowed).toContain('Edit(.orch-work/**)');
    expect(allowed).toContain('Bash(git diff:*)');
    for (const rule of allowed)
      expect(rule).toMatch(/^(?:Read|Glob|Grep|Edit\(\.orch-work\/\*\*\)|Bash\(git [a-z-]+:\*\))$/);
    expect(argv).toContain('--disallowedTools=Bash(git * --output*)');
  });

  it('to write: it edits and runs commands without asking', () => {
    const { argv: words, env } = invoke({ tools: 'write' });
    const argv = optionsOf(words);
    expect(argv).toContain('--permission-mode=acceptEdits');
    expect(argv).toContain('--allowedTools=Read,Glob,Grep,Edit,Write,Bash');
    expect(env['IS_SANDBOX']).toBeUndefined();
  });

  it('bypassing permissions only where that is asked for', () => {
    const { argv, env } = invoke({ tools: 'write', bypassPermissions: true });
    expect(optionsOf(argv)).toContain('--permission-mode=bypassPermissions');
    expect(env['IS_SANDBOX']).toBe('1');
  });

  it('with the instructions as one argument, whatever they begin with, and none when there are none', () => {
    expect(invoke({ instructions: '--model x\n- be kind' }).argv).toContain(
      '--append-system-prompt=--model x\n- be kind',
    );
    expect(invoke({ instructions: ' \n' }).argv.join(' ')).not.toContain('--append-system-prompt');
  });

  it('with instructions cut to what one argument may hold, between characters, and saying so', () => {
    const argument = invoke({ instructions: 'é'.repeat(70_000) }).argv.at(-1) ?? '';
    expect(Buffer.byteLength(argument)).toBeLessThan(100 * 1024);
    expect(argument).toMatch(/é\n\n\[The rest of these instructions was cut/);
    expect(argument).not.toContain('\uFFFD');
  });

  it('in UTC, with updates, telemetry and memory off and few retries, whatever the account says', () => {
    const env = {
      TZ: 'Asia/Tokyo',
      CLAUDE_CODE_MAX_RETRIES: '10',
      API_TIMEOUT_MS: '1000',
      ANTHROPIC_API_KEY: 'k',
      HOME: '/elsewhere',
    };
    expect(invocationOf(requestFor({ ...account, env })).env).toMatchObject({
      TZ: 'UTC',
      HOME: '/srv/agents/a',
      DISABLE_AUTOUPDATER: '1',
      DISABLE_TELEMETRY: '1',
      CLAUDE_CODE_DISABLE_AUTO_MEMORY: '1',
      CLAUDE_CODE_MAX_RETRIES: '2',
      API_TIMEOUT_MS: '1000',
      ANTHROPIC_API_KEY: 'k',
    });
  });

  it('with a configuration folder that is whole, or none', () => {
    const envWith = (CLAUDE_CONFIG_DIR: string) =>
      invocationOf(requestFor({ ...account, env: { CLAUDE_CONFIG_DIR } })).env;
    expect(envWith(' ')).not.toHaveProperty('CLAUDE_CONFIG_DIR');
    expect(envWith('cfg')['CLAUDE_CONFIG_DIR']).toBe('/srv/agents/a/cfg');
    expect(envWith('/etc/cfg')['CLAUDE_CONFIG_DIR']).toBe('/etc/cfg');
  });
});
