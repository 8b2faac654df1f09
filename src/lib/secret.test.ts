import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { revealEnv, Secret } from './secret.ts';

describe('Secret', () => {
  const secret = new Secret('hunter2');

  it.each([
    ['String()', String(secret)],
    ['a template', `${secret}`],
    ['JSON', JSON.parse(JSON.stringify({ secret })).secret],
    ['util.inspect', inspect(secret)],
    ['inspect of a holder', inspect({ nested: { secret } }, { depth: 9, showHidden: true })],
    ['its own keys', `${Object.keys(secret)}[secret]`],
  ])('prints as [secret] through %s', (_how, shown) => {
    expect(shown).toContain('[secret]');
    expect(shown).not.toContain('hunter2');
  });

  it('gives the value to the one who asks for it', () => {
    expect(secret.reveal()).toBe('hunter2');
    expect(revealEnv({ TOKEN: secret })).toEqual({ TOKEN: 'hunter2' });
  });
});
