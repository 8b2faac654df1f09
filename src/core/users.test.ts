import { describe, expect, it } from 'vitest';
import {
  type ApiToken,
  checkAnAdminIsLeft,
  checkPassword,
  checkUserName,
  isLiveSession,
  isLiveToken,
  SESSION_IDLE_MS,
  SESSION_MAX_MS,
  type Session,
  type User,
} from './users.ts';

const T0 = 1_800_000_000_000;
const session: Session = { id: 1, userId: 1, createdAt: T0, seenAt: T0, agent: '', address: '' };
const mara: User = { id: 1, name: 'mara', role: 'admin', passwordHash: 'h', createdAt: T0, disabledAt: null };

describe('a session', () => {
  it.each([
    ['12 idle hours', {}, SESSION_IDLE_MS],
    ['7 days, however busy', { seenAt: T0 + SESSION_MAX_MS - 1 }, SESSION_MAX_MS],
  ])('lives until %s', (_name, change, end) => {
    expect(isLiveSession({ ...session, ...change }, T0 + end - 1)).toBe(true);
    expect(isLiveSession({ ...session, ...change }, T0 + end)).toBe(false);
  });
});

it('a token is dead at its end', () => {
  const token = { expiresAt: T0 } as ApiToken;
  expect([isLiveToken(token, T0 - 1), isLiveToken(token, T0)]).toEqual([true, false]);
});

describe('names and passwords', () => {
  it.each(['mara', 'Jörg', 'a.b-c_d@example.org'])('%s is a name', (name) => {
    expect(() => checkUserName(name)).not.toThrow();
  });
  it.each(['', 'token:ci', ' mara', 'a b', '-x', 'x'.repeat(41), 'a\nb', '<b>'])('%j is none', (name) => {
    expect(() => checkUserName(name)).toThrow(expect.objectContaining({ code: 'usage.user_name' }));
  });
  it.each(['hunter2', 'aaaaaaaaaaaaaa', 'maramaramara', 'x'.repeat(201)])(
    '%j is refused, and not told',
    (password) => {
      const refused = expect.objectContaining({ code: 'usage.password' });
      expect(() => checkPassword(password, 'mara')).toThrow(refused);
      expect(() => checkPassword(password, 'mara')).not.toThrow(password);
    },
  );
  it('four words do', () => {
    expect(() => checkPassword('correct horse battery staple', 'mara')).not.toThrow();
  });
});

describe('the last admin', () => {
  const other: User = { ...mara, id: 2, name: 'otto' };
  it('stays, however it would go', () => {
    const refused = expect.objectContaining({ code: 'user.last_admin' });
    expect(() => checkAnAdminIsLeft([mara], { ...mara, role: 'viewer' })).toThrow(refused);
    expect(() => checkAnAdminIsLeft([mara], { ...mara, disabledAt: T0 })).toThrow(refused);
    const invited = { ...other, passwordHash: null };
    expect(() => checkAnAdminIsLeft([mara, invited], { ...mara, role: 'viewer' })).toThrow(refused);
  });
  it('may go once there is another', () => {
    expect(() => checkAnAdminIsLeft([mara, other], { ...mara, role: 'viewer' })).not.toThrow();
    expect(() => checkAnAdminIsLeft([other], { ...mara, disabledAt: T0 })).not.toThrow();
  });
});
