import { describe, expect, it } from 'vitest';
import { ACTIONS, type Action, actionsOf, lesser, mayDo, ROLES } from './roles.ts';

describe('roles', () => {
  it('each may do all that the one before it may, and something more', () => {
    const [viewer, operator, admin] = ROLES.map(actionsOf);
    expect(operator).toEqual(expect.arrayContaining(viewer ?? []));
    expect(admin).toEqual(Object.keys(ACTIONS));
    expect(new Set([viewer?.length, operator?.length, admin?.length]).size).toBe(3);
  });

  it.each<[Action, boolean, boolean]>([
    ['read', true, true],
    ['approve', false, true],
    ['pause', false, true],
    ['user.invite', false, false],
    ['shutdown', false, false],
    ['account.trust', false, false],
  ])('%s: viewer %s, operator %s, admin always', (action, viewer, operator) => {
    expect([mayDo('viewer', action), mayDo('operator', action), mayDo('admin', action)]).toEqual([
      viewer,
      operator,
      true,
    ]);
  });

  it('the lesser of two is the same either way', () => {
    for (const a of ROLES)
      for (const b of ROLES) expect(lesser(a, b)).toBe(ROLES[Math.min(ROLES.indexOf(a), ROLES.indexOf(b))]);
  });
});
