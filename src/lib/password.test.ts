import { describe, expect, it } from 'vitest';
import { hashPassword, hashSecret, isPassword, newCode, newSecret, plainCode } from './password.ts';

describe('passwords', () => {
  it('are kept as argon2id, each with its own salt, and known again', async () => {
    const [one, two] = await Promise.all([
      hashPassword('four small words'),
      hashPassword('four small words'),
    ]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
    expect(await isPassword('four small words', one)).toBe(true);
    expect(await isPassword('four small word', one)).toBe(false);
  });

  it('of nobody, or of a broken hash, are wrong', async () => {
    expect(await isPassword('x', null)).toBe(false);
    expect(await isPassword('x', 'not a hash')).toBe(false);
  });

  it('of nobody take as long as those of somebody', async () => {
    const hashed = await hashPassword('four small words');
    const time = async (hash: string | null) => {
      const from = performance.now();
      for (let i = 0; i < 5; i++) await isPassword('wrong', hash);
      return performance.now() - from;
    };
    expect((await time(null)) / (await time(hashed))).toBeGreaterThan(0.3);
  });
});

it('secrets are long and new, codes can be typed', () => {
  expect(newSecret('orch_pat_')).toMatch(/^orch_pat_[\w-]{43}$/);
  expect(newSecret()).not.toBe(newSecret());
  const code = newCode();
  expect(code).toMatch(/^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
  expect(plainCode(` ${code.toLowerCase().replace('-', ' ')}`)).toBe(plainCode(code));
  expect(hashSecret('a')).toMatch(/^[0-9a-f]{64}$/);
});
