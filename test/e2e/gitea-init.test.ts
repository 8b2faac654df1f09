import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeGitea, startGitea } from '../fakes/gitea.ts';
import { type Installation, install } from '../support/orch.ts';

interface DoctorWire {
  readonly findings: readonly { group: string; state: string; text: string; fix: string | null }[];
}

describe('orch init with Gitea', () => {
  let gitea: FakeGitea;
  let here: Installation;
  const configPath = () => join(here.root, 'orch.yaml');
  const secretsPath = () => join(here.root, 'secrets.env');
  const init = (...more: string[]) =>
    here.orch(
      ...['init', '--yes', '--repo', gitea.gitUrl, '--project', 'wid', '--agent-home', here.agentHome],
      ...['--tracker', 'gitea', '--forge', 'gitea', '--file', configPath(), ...more],
    );

  beforeAll(async () => {
    gitea = await startGitea();
    const env: Record<string, string> = {
      ORCH_GITEA_TOKEN: gitea.token('orch'),
      ORCH_GITEA_REVIEWER_TOKEN: gitea.token('reviewer'),
    };
    here = install({ env });
    rmSync(configPath());
  });
  afterAll(async () => {
    await gitea.close();
    await here.remove();
  });

  it('asks for what is needed, and writes nothing that does not work', async () => {
    expect(await init()).toMatchObject({ code: 2, stderr: expect.stringContaining('--gitea-url') });
    gitea.state.permissions.set('orch', 'read');
    const refused = await init('--gitea-url', gitea.url);
    gitea.state.permissions.set('orch', 'admin');
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('no right to write') });
    expect([existsSync(configPath()), existsSync(secretsPath())]).toEqual([false, false]);
  }, 60_000);

  it('writes a configuration that doctor passes, and makes the webhook with a secret of its own', async () => {
    const made = await init('--gitea-url', gitea.url, '--public-url', 'https://orch.example.org');
    expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('webhook of acme/widgets made') });
    expect(statSync(secretsPath()).mode & 0o777).toBe(0o600);
    const secret = /^ORCH_GITEA_WEBHOOK_SECRET=([0-9a-f]{64})$/m.exec(
      readFileSync(secretsPath(), 'utf8'),
    )?.[1];
    expect(secret).toBeDefined();
    expect(readFileSync(configPath(), 'utf8')).not.toContain(secret);
    expect(gitea.state.hooks).toMatchObject([
      {
        active: true,
        config: { url: 'https://orch.example.org/webhooks/gitea', content_type: 'json', secret },
      },
    ]);
    expect(gitea.state.hooks[0]?.events).toEqual(
      expect.arrayContaining([
        'push',
        'issue_label',
        'issue_comment',
        'pull_request_review',
        'status',
        'workflow_run',
      ]),
    );
    const { findings } = await here.json<DoctorWire>('doctor', '--only', 'gitea');
    expect(findings.filter(({ state }) => state === 'error' || state === 'warning')).toEqual([]);
    expect(findings.map(({ text }) => text)).toContain(
      'wid: its webhook is there; orch up tells whether it arrives',
    );
    const printed = await here.orch('config');
    expect(printed.stdout).not.toContain(secret);
  }, 60_000);

  it('mends the webhook of an installation that is there', async () => {
    const [hook] = gitea.state.hooks;
    if (hook === undefined) throw new Error('there is no webhook');
    hook.active = false;
    rmSync(secretsPath());
    expect(await here.orch('init', '--webhooks')).toMatchObject({
      ...{ code: 0, stdout: expect.stringContaining('webhook of acme/widgets set anew') },
    });
    expect(gitea.state.hooks).toMatchObject([{ active: true }]);
    expect(readFileSync(secretsPath(), 'utf8')).toBe(`ORCH_GITEA_WEBHOOK_SECRET=${hook.config['secret']}\n`);
  }, 60_000);
});
