import { describe, expect, it } from 'vitest';
import { failureFingerprint, findingFingerprint, isSameFinding } from './fingerprint.ts';

describe('the fingerprint of a failure', () => {
  it.each([
    ['FAIL in 1.23 s at port 43121', 'FAIL in 9.8 s at port 50112'],
    ['cannot read /tmp/a1/x.ts', 'cannot read /var/b/c/x.ts'],
    ['commit 9c41f0e is gone', 'commit deadbeef1 is gone'],
    ['run_12 failed', 'run_13  failed'],
    ['check failed\n1 ok\n✖ adds (1.2 ms)', 'check failed\n11 ok\n22 ok\n✖ adds (1.34 ms)'],
  ])('is the same for %j and %j', (one, other) => {
    expect(failureFingerprint(one)).toBe(failureFingerprint(other));
  });

  it('differs where the words differ', () => {
    expect(failureFingerprint('check failed: npm test')).not.toBe(
      failureFingerprint('check failed: npm run lint'),
    );
  });
});

describe('the fingerprint of a finding', () => {
  const print = (title: string, file: string | null = 'a.ts') => findingFingerprint({ title, file });
  it('keeps what carries meaning, and the file', () => {
    expect(print('The session is null')).toBe('a.ts|null session');
    expect(isSameFinding(print('Session is null'), print('null session', 'b.ts'))).toBe(false);
    expect(isSameFinding(print('Session token is null'), print('null session'))).toBe(true);
    expect(isSameFinding(print('Session is null'), print('name is wrong'))).toBe(false);
    expect(isSameFinding(print('is it'), print('of the'))).toBe(true);
    expect(isSameFinding(print('is it'), print('null'))).toBe(false);
  });
});
