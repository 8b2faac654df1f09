import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { askpassEnv, writeAskpass } from './askpass.ts';
import { BRANCH, KEY, type Kit, openKit } from './test-kit.ts';
import { parseRemoteUrl } from './url.ts';

const PASSWORD = 'canary-Pa55word';

/** A real git server over HTTP with basic auth; `seen` collects what clients sent. */
async function serve(
  kit: Kit,
  answer?: (request: IncomingMessage) => { status: number; headers: Record<string, string> } | null,
) {
  const seen: string[] = [];
  const server: Server = createServer((request, response) => {
    seen.push(
      `${request.method} ${request.url} ${Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString()}`,
    );
    const other = answer?.(request) ?? null;
    if (other !== null) return void response.writeHead(other.status, other.headers).end();
    if (request.headers.authorization !== `Basic ${Buffer.from(`orch:${PASSWORD}`).toString('base64')}`) {
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    }
    const url = new URL(request.url ?? '/', 'http://x');
    const env = {
      PATH: process.env['PATH'] ?? '',
      GIT_PROJECT_ROOT: kit.root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      HOME: join(kit.root, 'home'),
      REMOTE_USER: 'orch',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      ...(request.headers['content-length'] === undefined
        ? {}
        : { CONTENT_LENGTH: request.headers['content-length'] }),
    };
    const cgi = spawn('git', ['http-backend'], { env });
    request.pipe(cgi.stdin);
    const chunks: Buffer[] = [];
    cgi.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    cgi.on('close', () => {
      const output = Buffer.concat(chunks);
      const end = output.indexOf('\r\n\r\n');
      const headers = Object.fromEntries(
        output
          .subarray(0, end)
          .toString()
          .split('\r\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
      );
      const { Status: status = '200', ...rest } = headers;
      response.writeHead(Number.parseInt(status, 10), rest).end(output.subarray(end + 4));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return { seen, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function filesWith(dir: string, text: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    if (entry.isFile() && (await readFile(join(entry.parentPath, entry.name))).includes(text))
      found.push(join(entry.parentPath, entry.name));
  }
  return found;
}

describe('credentials', () => {
  test('open the configured host, and are in no file and no remote of the clone', async () => {
    const kit = await openKit();
    await kit.git(kit.remote, 'config', 'http.receivepack', 'true');
    const { origin, seen } = await serve(kit);
    const repo = {
      ...kit.repo,
      url: `${origin}/remote.git`,
      credentials: { host: new URL(origin).host, username: 'orch', password: PASSWORD },
    };
    const { path, head: since } = await kit.workspace.prepare(repo, { key: KEY, branch: BRANCH });
    await kit.write(path, { 'a.txt': 'a\n' });
    await kit.workspace.take(repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'm' });
    expect(await kit.workspace.push(repo, BRANCH)).toMatchObject({ kind: 'pushed' });
    expect(seen.some((line) => line.includes(PASSWORD))).toBe(true);
    expect(await filesWith(kit.worktreesDir, PASSWORD)).toEqual([]);
    expect(await filesWith(kit.reposDir, PASSWORD)).toEqual([]);
    expect(await filesWith(kit.worktreesDir, origin)).toEqual([]);
  });

  test('go to no other host: not by a redirect, not by a planted rewrite', async () => {
    const kit = await openKit();
    const thief = await serve(kit);
    const redirecting = await serve(kit, (request) => ({
      status: 302,
      headers: { location: `${thief.origin}${request.url}` },
    }));
    const credentials = { host: new URL(redirecting.origin).host, username: 'orch', password: PASSWORD };
    await expect(
      kit.workspace.fetch({ ...kit.repo, url: `${redirecting.origin}/remote.git`, credentials }),
    ).rejects.toMatchObject({
      code: 'workspace.clone_failed',
      message: expect.not.stringContaining(PASSWORD),
    });
    expect(thief.seen).toEqual([]);

    await kit.git(kit.remote, 'config', 'http.receivepack', 'true');
    const honest = await serve(kit);
    const repo = {
      ...kit.repo,
      url: `${honest.origin}/remote.git`,
      credentials: { ...credentials, host: new URL(honest.origin).host },
    };
    const { path, head: since } = await kit.workspace.prepare(repo, { key: KEY, branch: BRANCH });
    await kit.git(path, 'config', `url.${thief.origin}/.insteadOf`, `${honest.origin}/`);
    await kit.git(path, 'config', `url.${thief.origin}/.pushInsteadOf`, `${honest.origin}/`);
    await kit.git(path, 'config', 'http.proxy', thief.origin);
    await kit.write(path, {
      '.gitmodules': `[submodule "x"]\n\tpath = x\n\turl = ${thief.origin}/remote.git\n`,
    });
    await kit.workspace.take(repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'm' });
    expect(await kit.workspace.push(repo, BRANCH)).toMatchObject({ kind: 'pushed' });
    await kit.workspace.remove(repo, { key: KEY, run: '1' });
    expect(thief.seen).toEqual([]);
  });

  test('of another host are not sent, and a refusal names the token', async () => {
    const kit = await openKit();
    const { origin, seen } = await serve(kit);
    const repo = {
      ...kit.repo,
      url: `${origin}/remote.git`,
      credentials: { host: 'forge.example', username: 'orch', password: PASSWORD },
    };
    await expect(kit.workspace.fetch(repo)).rejects.toMatchObject({
      code: 'workspace.clone_failed',
      hint: expect.stringContaining('token'),
    });
    await expect(
      kit.workspace.fetch({
        ...repo,
        credentials: { host: new URL(origin).host, username: 'orch', password: 'wrong' },
      }),
    ).rejects.toMatchObject({ code: 'workspace.clone_failed' });
    expect(seen.some((line) => line.includes(PASSWORD))).toBe(false);
  });

  test('a password inside the URL works and is shown nowhere', async () => {
    const kit = await openKit();
    const { origin } = await serve(kit);
    const url = origin.replace('//', `//orch:${PASSWORD}@`);
    await kit.workspace.fetch({ ...kit.repo, url: `${url}/remote.git` });
    await expect(
      kit.workspace.fetch({ ...kit.repo, project: 'other', url: `${url}/missing.git` }),
    ).rejects.toMatchObject({ message: expect.not.stringContaining(PASSWORD) });
    expect(await filesWith(kit.reposDir, PASSWORD)).toEqual([]);
  });
});

describe('the askpass script', () => {
  test('answers the configured origin and nothing that only looks like it', async () => {
    const kit = await openKit({});
    const script = await writeAskpass(kit.root);
    const env = askpassEnv(
      script,
      parseRemoteUrl('https://forge.example:3000/a.git', {
        host: 'forge.example:3000',
        username: 'orch',
        password: PASSWORD,
      }),
    );
    const ask = async (prompt: string) =>
      (
        await execa(script, [prompt], {
          env: { ...env, PATH: '/usr/bin:/bin' },
          extendEnv: false,
          reject: false,
        })
      ).stdout;
    expect(await ask("Username for 'https://forge.example:3000': ")).toBe('orch');
    expect(await ask("Password for 'https://orch@forge.example:3000': ")).toBe(PASSWORD);
    for (const prompt of [
      "Password for 'https://forge.example': ",
      "Password for 'http://forge.example:3000': ",
      "Password for 'https://evil.example': ",
      "Password for 'https://forge.example:3000@evil.example': ",
      "Password for 'https://evil.example/https://forge.example:3000': ",
      "Password for 'https://forge.example:3000.evil.example': ",
      "Enter passphrase for key '/home/x/.ssh/id_rsa': ",
      'Password: ',
      '',
    ]) {
      expect(await ask(prompt)).toBe('');
    }
  });
});
