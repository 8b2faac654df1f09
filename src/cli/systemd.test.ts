import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type UnitFacts, unitText } from './systemd.ts';

const SYSTEM: UnitFacts = {
  user: 'orch',
  program: '/var/lib/orch/state/current/bin/orch',
  workingDirectory: '/var/lib/orch',
  environment: { ORCH_HOME: '/var/lib/orch/state', ORCH_CONFIG: '/etc/orch/orch.yaml' },
  secretsFile: '/etc/orch/secrets.env',
};
const USER: UnitFacts = { ...SYSTEM, user: null, secretsFile: null };
const linesOf = (facts: UnitFacts) => unitText(facts).split('\n');
const ANALYZE = '/usr/bin/systemd-analyze';

describe('the systemd unit', () => {
  it.each([
    ['of the machine', SYSTEM],
    ['of a user', USER],
  ])('%s leaves agents alive when the service stops, and keeps their namespaces', (_what, facts) => {
    const lines = linesOf(facts);
    for (const line of [
      'KillMode=process',
      'OOMPolicy=continue',
      'Restart=on-failure',
      'NoNewPrivileges=yes',
    ])
      expect(lines).toContain(line);
    const forbidden =
      /^(PrivateTmp|PrivateUsers|PrivatePIDs|RestrictNamespaces|ProtectProc|ProcSubset|ProtectKernelTunables|ProtectKernelLogs|ProtectHome|MemoryDenyWriteExecute|SystemCallFilter|RestrictSUIDSGID|RuntimeMaxSec|MemoryMax)=/;
    expect(lines.filter((line) => forbidden.test(line))).toEqual([]);
  });

  it('names a user, or belongs to one', () => {
    expect(linesOf(SYSTEM)).toEqual(
      expect.arrayContaining([
        'User=orch',
        'EnvironmentFile=-/etc/orch/secrets.env',
        'WantedBy=multi-user.target',
      ]),
    );
    const own = unitText(USER);
    expect(own).not.toMatch(/^(User|EnvironmentFile|ProtectSystem|TasksMax)=/m);
    expect(own).toContain('WantedBy=default.target');
  });

  it('takes paths with blanks, quotes, percent and dollar signs as they are', () => {
    const lines = linesOf({ ...USER, program: '/o r"c%h$/bin/orch', environment: { A: 'b c%"\\' } });
    expect(lines).toContain('ExecStart="/o r\\"c%%h$$/bin/orch" up');
    expect(lines).toContain('Environment="A=b c%%\\"\\\\"');
  });

  it.skipIf(!existsSync(ANALYZE))(
    `is accepted by systemd-analyze verify${existsSync(ANALYZE) ? '' : ' [skipped: there is no systemd-analyze]'}`,
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'orch unit-'));
      try {
        const verify = (name: string, text: string) => {
          writeFileSync(join(folder, name), text);
          return spawnSync(ANALYZE, ['verify', '--man=no', join(folder, name)], {
            encoding: 'utf8',
            env: { PATH: '/usr/bin:/bin', HOME: folder, XDG_RUNTIME_DIR: folder },
          });
        };
        // It tells that this looks for what it is to find.
        expect(verify('wrong.service', '[Service]\nExecStart=/bin/true\nKillMod=process\n').stderr).toContain(
          'KillMod',
        );
        for (const facts of [SYSTEM, USER]) {
          const { stderr } = verify('orch.service', unitText({ ...facts, program: '/bin/true' }));
          expect(stderr.split('\n').filter((line) => line.includes('orch.service'))).toEqual([]);
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});
