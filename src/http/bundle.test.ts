import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimRequest, ENDED, newJob, project, refOf } from '../store/store-rows.contract.ts';
import { createHttpKit, type HttpKit } from './test-kit.ts';

const KEY = `-----BEGIN PRIVATE KEY-----\n${'QUJD'.repeat(16)}\n-----END PRIVATE KEY-----`;
const SECRETS = ['value-of-the-project', 'ghp_0123456789abcdefghij', 'QUJDQUJD'];
const EXPECTED = ['bundle.json', 'prompt.md', 'run.json', 'run.log', 'setup-1/run.log', 'stderr.log'];
let kit: HttpKit;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orch-bundle-'));
  const own = { env: { KEY: 'value-of-the-project' }, envFile: null, budget: {} };
  kit = createHttpKit({ runtime: { projects: new Map([['api', own as never]]) } });
  const { store } = kit.engine;
  await store.configure([project('api')], ['a']);
  await store.enqueue(newJob(), (id) => `orch/job-${id}`);
  const claimed = await store.claim(
    claimRequest({ now: kit.now, directoryFor: () => join(folder, 'run_1') }),
  );
  if (claimed === null) throw new Error('nothing was claimed');
  await store.settle(refOf(claimed), () => ({ job: { status: 'failed' }, run: ENDED }));
  const put = (name: string, text: string) => writeFileSync(join(folder, 'run_1', name), text);
  mkdirSync(join(folder, 'run_1', 'setup-1'), { recursive: true });
  put('run.json', JSON.stringify({ argv: ['claude', '-p'], env: ['PATH'] }));
  put('prompt.md', 'Do it. Mail to mara@example.org');
  put('run.log', `${'x'.repeat(3 * 1024 * 1024)}\nkey value-of-the-project\n${KEY}\nthe end\n`);
  put('stderr.log', 'token=ghp_0123456789abcdefghij\n');
  put('setup-1/run.log', 'npm ci\n');
  symlinkSync('/etc/passwd', join(folder, 'run_1', 'exit.json'));
  symlinkSync('/etc', join(folder, 'run_1', 'check-1'));
});
afterAll(async () => {
  await kit.close();
  rmSync(folder, { recursive: true });
});

async function bundle(): Promise<{
  archive: Buffer;
  files: Map<string, string>;
  modes: Set<number | undefined>;
}> {
  const response = await kit.ask('/api/v1/runs/run_1/bundle');
  expect(response.headers.get('content-disposition')).toBe('attachment; filename="run_1-bundle.tar.gz"');
  const archive = gunzipSync(Buffer.from(await response.arrayBuffer()));
  const entries = await unpackTar(new Uint8Array(archive));
  const files = new Map(
    entries.map(({ header, data }) => [
      header.name.replace('run_1-bundle/', ''),
      Buffer.from(data ?? []).toString('utf8'),
    ]),
  );
  return { archive, files, modes: new Set(entries.map(({ header }) => header.mode)) };
}

describe('the bundle of a run', () => {
  it('has what is needed to find out what went wrong, and nothing through a link', async () => {
    const { files, modes } = await bundle();
    expect([...files.keys()].sort()).toEqual(EXPECTED);
    expect(modes).toEqual(new Set([0o600]));
    expect(JSON.parse(files.get('bundle.json') ?? '')).toMatchObject({
      schema: 'orch.bundle/1',
      versions: { orch: '0.0.0-test', node: process.version },
      run: { id: 'run_1', verdict: ENDED.verdict },
      job: { id: 'job_1', status: 'failed' },
      task: null,
      events: expect.any(Array),
    });
    expect(JSON.parse(files.get('run.json') ?? '')).toMatchObject({ argv: ['claude', '-p'] });
  });

  it('has of a long log the end, and says so', async () => {
    const { archive, files } = await bundle();
    expect(files.get('run.log')).toMatch(/^\[the first \d+ bytes of run.log are left out\]\n/);
    expect(files.get('run.log')).toMatch(/the end\n$/);
    expect(archive.length).toBeLessThan(3 * 1024 * 1024);
  });

  it('never has a secret', async () => {
    const { archive } = await bundle();
    const text = archive.toString('latin1');
    expect(SECRETS.filter((secret) => text.includes(secret))).toEqual([]);
    expect(text).not.toContain('mara@example.org');
    expect(text).toContain('key [secret]');
  });

  it('is for those who may look, of runs that there are', async () => {
    expect((await kit.ask('/api/v1/runs/run_1/bundle', { token: null })).status).toBe(401);
    expect((await kit.ask('/api/v1/runs/run_99/bundle')).status).toBe(404);
  });
});
