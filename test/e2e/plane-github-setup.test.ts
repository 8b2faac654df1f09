import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type FakeGithub, startGithub } from '../fakes/github.ts';
import { type Plane, startPlane } from '../fakes/plane.ts';
import { projectRoot } from '../support/requirements.ts';

let plane: Plane;
let github: FakeGithub;
let root: string;

beforeAll(async () => {
  [plane, github] = await Promise.all([startPlane(), startGithub()]);
  github.knobs.isAdmin = true;
  root = mkdtempSync(join(tmpdir(), 'orch-setup-'));
});
afterAll(async () => {
  await Promise.all([plane.close(), github.close()]);
  rmSync(root, { recursive: true, force: true });
});

function orch(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...{
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: root,
      ORCH_HOME: join(root, 'state'),
      NO_COLOR: '1',
    },
    ...{ ORCH_PLANE_API_TOKEN: plane.key, ORCH_GITHUB_TOKEN: github.token('orch') },
    ORCH_GITHUB_REVIEWER_TOKEN: github.token('reviewer'),
  };
  return new Promise((resolve) => {
    execFile(join(projectRoot, 'bin', 'orch'), args, { env, cwd: root }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

describe('an installation with Plane and GitHub', () => {
  const wanted = () => [
    ...[
      'init',
      '--yes',
      '--repo',
      github.gitUrl,
      '--project',
      'api',
      '--tracker',
      'plane',
      '--forge',
      'github',
    ],
    ...['--plane-url', plane.url, '--plane-workspace', 'acme', '--github-url', github.url],
    ...['--public-url', 'https://orch.example.org'],
  ];

  it('asks for the project that nothing can guess, and writes nothing without it', async () => {
    const { code, stderr } = await orch(...wanted());
    expect(code).not.toBe(0);
    expect(stderr).toContain('--tracker-project');
  });

  it('is written, tried, and given its webhook', async () => {
    const { code, stderr } = await orch(...wanted(), '--tracker-project', 'WID');
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const written = parse(readFileSync(join(root, 'orch.yaml'), 'utf8')) as { projects: { api: object } };
    expect(written.projects.api).toMatchObject({
      tracker: { kind: 'plane', project: 'WID', label: 'agent' },
      forge: { kind: 'github' },
    });
    expect(github.hooks).toMatchObject([{ url: 'https://orch.example.org/webhooks/github', active: true }]);
  });

  it('is looked at by doctor', async () => {
    const { stdout } = await orch('doctor', '--only', 'plane');
    expect(stdout).toContain('api: member of WID, and all its names are there');
    expect((await orch('doctor', '--only', 'github')).stdout).toContain('api: may administer acme/widgets');
  });
});
