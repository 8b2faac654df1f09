import { describe, expect, it } from 'vitest';
import { unitIn } from './service.ts';

describe('the unit a process belongs to', () => {
  it.each([
    ['of the machine', '0::/system.slice/orch.service', { unit: 'orch.service', manager: [] }],
    [
      'of a user',
      '0::/user.slice/user-1000.slice/user@1000.service/app.slice/orch.service',
      { unit: 'orch.service', manager: ['--user'] },
    ],
    ['none, in a login session', '0::/user.slice/user-1000.slice/session-3.scope', null],
    [
      'none, in a terminal of a desktop',
      '0::/user.slice/user-1000.slice/user@1000.service/app.slice/term.scope',
      null,
    ],
    ['none, in a container', '0::/', null],
    ['none, where nothing is told', '', null],
    [
      'of the machine, among older controllers',
      '1:name=systemd:/system.slice/orch.service\n0::/system.slice/orch.service',
      { unit: 'orch.service' },
    ],
  ])('%s', (_what, cgroup, expected) => {
    const found = unitIn(cgroup, 7);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toMatchObject({ kind: 'systemd', pid: 7, ...expected });
  });
});
