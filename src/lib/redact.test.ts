import { describe, expect, it } from 'vitest';
import { redact } from './redact.ts';

const clean = (text: string, options: Partial<Parameters<typeof redact>[1]> = {}) =>
  redact(text, { secrets: [], homes: [], ...options });

/** Made of parts, so that no scanner takes this file for a leak. */
const made = (...parts: string[]) => parts.join('');
const KEY = made('sk-', 'ant-api03-', 'A1b2C3d4E5f6G7h8');
const JWT = made('eyJ', 'hbGciOiJIUzI1NiJ9', '.eyJzdWIiOiIxMjM0In0', '.c2lnbmF0dXJl');

describe('a redacted text', () => {
  it.each([
    ['an API key', `x-api-key: ${KEY}`, 'x-api-key: [secret]'],
    ['a bearer token', 'authorization: Bearer abcdefgh12345678', 'authorization: Bearer [secret]'],
    ['a web token', `got ${JWT} from it`, 'got [secret] from it'],
    ['a forge token', made('ghp', '_', 'abcdefghij0123456789'), '[secret]'],
    ['a cloud key', made('AKIA', 'ABCDEFGHIJKLMNOP'), '[secret]'],
    ['a bot token', `bot ${made('123456789:', 'AAFx_abcdefghijklmnopqrstuvwxyz012345')}`, 'bot [secret]'],
    ['a token by its name', '{"refreshToken":"abc.def"}', '{"refreshToken":"[secret]"}'],
    [
      'a token in JSON within JSON',
      '{"text":"{\\"access_token\\":\\"abc\\"}"}',
      '{"text":"{\\"access_token\\":\\"[secret]\\"}"}',
    ],
    ['a variable', 'ANTHROPIC_API_KEY=abc123 next', 'ANTHROPIC_API_KEY=[secret] next'],
    ['a password in a URL', 'https://mara:hunter2@git.example.org/x', 'https://[secret]@git.example.org/x'],
    ['an e-mail address', 'as mara.k@example.org now', 'as [e-mail] now'],
    ['a home', '/home/mara/code/a.ts', '[home]/code/a.ts'],
    ['a home of a Mac', '"/Users/mara"', '"[home]"'],
  ])('does not hold %s', (_what, text, expected) => {
    expect(clean(text)).toBe(expected);
  });

  it('does not hold a private key, even one that was cut off', () => {
    const begin = made('-----BEGIN ', 'PRIVATE KEY-----');
    expect(clean(`a\n${begin}\nMIIE\nabc`)).toBe('a\n[secret]');
  });

  it('does not hold values and folders that are known to be secret, also as JSON writes them', () => {
    const options = { secrets: ['pass"word1', 'short'], homes: ['/srv/agents/a', '/srv'] };
    expect(clean('pass"word1 {"a":"pass\\"word1"} short /srv/agents/a/x /srv/y', options)).toBe(
      '[secret] {"a":"[secret]"} short [home]/x [home]/y',
    );
  });

  it('does not hold a private key in JSON, and loses nothing after it', () => {
    const key = made('-----BEGIN ', 'PRIVATE KEY-----') + '\nMIIEvQ==\n';
    const [masked, after] = clean(`${JSON.stringify({ text: key })}\n{"type":"result"}`).split('\n');
    expect(JSON.parse(masked ?? '')).toEqual({ text: '[secret]\n' });
    expect(after).toBe('{"type":"result"}');
  });

  it('does not hold the rest of a value that has a quotation mark in it', () => {
    expect(clean(JSON.stringify({ password: 'ab"cd' }))).toBe('{"password":"[secret]"}');
  });

  it.each(['a', 'a.', 'a-', 'eyJaaaaaaaaa-', 'a@', '"token":"', 'x://', '-----BEGIN PRIVATE', ' =', '1'])(
    'is made in a moment of a quarter of a megabyte of %j',
    (piece) => {
      const begun = performance.now();
      clean(piece.repeat(Math.ceil((256 * 1024) / piece.length)));
      expect(performance.now() - begun).toBeLessThan(5000);
    },
  );

  it('keeps counts, ids and words, and stays JSON', () => {
    const line = JSON.stringify({
      type: 'result',
      subtype: 'odd',
      session_id: '01a20285-ca7c-70e0-b946-c81362cac9b5',
      usage: { input_tokens: 120, output_tokens: 45 },
      result: 'the token is too long, look at src/token.ts',
    });
    expect(clean(line)).toBe(line);
    const told = clean(JSON.stringify({ type: 'error', headers: { authorization: KEY, 'x-id': 'a' } }));
    expect(JSON.parse(told)).toEqual({
      type: 'error',
      headers: { authorization: '[secret]', 'x-id': 'a' },
    });
  });
});
