import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { type FakeGitea, startGitea } from '../../../test/fakes/gitea.ts';
import { Secret } from '../../lib/secret.ts';
import { giteaWebhook } from '../../webhooks/gitea/gitea-webhook.ts';
import { hostContext } from '../test-kit.ts';
import type { VendorContext } from '../vendor-kind.ts';
import { giteaVendor } from './gitea-vendor.ts';

const SECRET = 'shared-with-gitea';

async function open(options?: Parameters<typeof startGitea>[0]) {
  const gitea = await startGitea(options);
  onTestFinished(() => gitea.close());
  return gitea;
}

function contextAt(
  gitea: FakeGitea,
  more: Partial<VendorContext> & { token?: string; reviewer?: string | null } = {},
) {
  const context: VendorContext = {
    access: hostContext('gitea', gitea, more).access,
    webhookSecret: new Secret(SECRET),
    publicUrl: null,
    projects: [{ key: 'wid', repo: gitea.gitUrl, tracker: null, forge: { kind: 'gitea' } }],
    now: Date.now,
    heard: null,
    ...more,
  };
  return context;
}

/** `state: text` of each finding. */
async function findings(context: VendorContext): Promise<{ line: string; fix: string | null }[]> {
  const found = [];
  for await (const { state, text, fix } of giteaVendor.inspect(context))
    found.push({ line: `${state}: ${text}`, fix });
  return found;
}

const lines = async (context: VendorContext) => (await findings(context)).map(({ line }) => line);

/** Takes deliveries as the service does, and remembers when they came. */
async function receiver(secret: string) {
  const heard = { takenAt: null as number | null, refusedAt: null as number | null };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const signature = String(request.headers['x-gitea-signature']);
      const isSigned = giteaWebhook.isSigned('x-gitea-signature', signature, Buffer.concat(chunks), secret);
      heard[isSigned ? 'takenAt' : 'refusedAt'] = performance.now();
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: async () => ({ ...heard }),
  };
}

it('passes an installation with everything in its place, and sees its webhook arrive', async () => {
  const gitea = await open();
  const { url: publicUrl, heard } = await receiver(SECRET);
  const context = contextAt(gitea, { publicUrl, heard });
  const [project] = context.projects;
  if (project === undefined) throw new Error('no project');
  expect(await giteaVendor.addWebhook?.(context, project, SECRET)).toBe('webhook of acme/widgets made');
  expect(await giteaVendor.addWebhook?.(context, project, SECRET)).toBe('webhook of acme/widgets set anew');
  expect(gitea.state.hooks).toMatchObject([
    { active: true, config: { content_type: 'json', url: `${publicUrl}/webhooks/gitea` } },
  ]);
  expect(await lines(context)).toEqual([
    `ok: Gitea 1.27.3 at ${gitea.url}`,
    'ok: ORCH_GITEA_TOKEN is orch, scopes all',
    'ok: ORCH_GITEA_REVIEWER_TOKEN is reviewer, scopes all',
    'ok: wid: may administer acme/widgets',
    'ok: wid: its webhook arrives, signed as it should be',
  ]);
});

it('names the missing scopes, and one user behind both tokens', async () => {
  const gitea = await open();
  const narrow = contextAt(gitea, {
    token: gitea.token('orch', ['read:repository', 'write:issue', 'read:user']),
  });
  expect((await findings(narrow)).at(-1)).toEqual({
    line: 'error: the token of orch lacks the scope write:repository',
    fix: 'make a token with write:repository, write:issue, read:user (Settings, Applications) and set ORCH_GITEA_TOKEN',
  });
  const noUser = contextAt(gitea, { token: gitea.token('orch', ['write:repository', 'write:issue']) });
  expect((await lines(noUser)).at(-1)).toContain('read:user');
  const twice = await lines(contextAt(gitea, { reviewer: gitea.token('orch') }));
  expect(twice).toContain('error: both tokens are of orch, who may not approve its own pull requests');
  expect(await lines(contextAt(gitea, { reviewer: null }))).toContain(
    'warning: no second account: what Orch reviews is written as comments',
  );
});

it('tells Forgejo, a clock that is off, a wrong token and an address where nobody is', async () => {
  const gitea = await open();
  gitea.knobs.version = '11.0.3+gitea-1.22.0';
  gitea.knobs.clockAheadMs = 300_000;
  const [server, clock] = await lines(contextAt(gitea));
  expect(server).toBe(`ok: Forgejo 11.0.3 (as Gitea 1.22.0) at ${gitea.url}`);
  expect(clock).toMatch(/^warning: its clock is (299|300) s ahead of ours/);
  expect((await lines(contextAt(gitea, { token: 'wrong' }))).at(-1)).toMatch(
    /^error: ORCH_GITEA_TOKEN: .*401/,
  );
  const context = contextAt(gitea);
  const nowhere = {
    ...context,
    access: { ...context.access, gitea: { ...context.access.gitea, url: 'http://127.0.0.1:1' } },
  };
  expect(await lines(nowhere)).toMatchObject([
    expect.stringMatching(/^error: http:\/\/127\.0\.0\.1:1: GET \/version: fetch failed/),
  ]);
  const off = { ...context.access, gitea: { url: null, token: null, reviewerToken: null } };
  expect(await lines({ ...context, access: off })).toEqual(['error: not set up']);
  expect(await lines({ ...context, access: off, projects: [] })).toEqual(['skipped: off']);
});

it('tells a repository that is not seen, not writable, or not administered', async () => {
  for (const [orchMay, line] of [
    ['read', 'error: wid: no right to write to acme/widgets'],
    ['write', 'skipped: wid: only an administrator sees webhooks and protections of acme/widgets'],
  ] as const)
    expect((await lines(contextAt(await open({ orchMay })))).at(-1)).toBe(line);
  const gitea = await open();
  gitea.knobs.blind = 'orch';
  expect((await lines(contextAt(gitea))).at(-1)).toBe('error: wid: the token does not see acme/widgets');
});

it('tells what is wrong with a webhook, and which setting a private address needs', async () => {
  const gitea = await open();
  const good = await receiver(SECRET);
  const last = async (more: Partial<VendorContext>) => (await findings(contextAt(gitea, more))).at(-1);
  expect((await last({ webhookSecret: null }))?.line).toContain('no webhook secret');
  expect((await last({ publicUrl: good.url }))?.line).toContain('no webhook of acme/widgets leads to');
  const hook = gitea.addHook(`${good.url}/webhooks/gitea`, 'another', ['push', 'issues']);
  expect((await last({ publicUrl: good.url }))?.line).toContain('does not tell of status, issue_label');
  hook.active = false;
  expect((await lines(contextAt(gitea, { publicUrl: good.url }))).join('\n')).toContain(
    'its webhook is switched off',
  );
  hook.active = true;
  hook.events = [
    'push',
    'status',
    'issues',
    'issue_label',
    'issue_comment',
    'pull_request',
    'pull_request_sync',
  ];
  hook.events.push('pull_request_comment', 'pull_request_review');
  expect((await last({ publicUrl: good.url, heard: good.heard }))?.line).toBe(
    'error: wid: its webhook is signed with another secret',
  );
  hook.config['url'] = 'http://127.0.0.1:1/webhooks/gitea';
  const unheard = { publicUrl: 'http://127.0.0.1:1', heard: good.heard };
  expect(await last(unheard)).toEqual({
    line: 'error: wid: Gitea was told to call http://127.0.0.1:1/webhooks/gitea, and nothing came',
    fix: 'let Gitea call private addresses: [webhook] ALLOWED_HOST_LIST = private (or loopback) in app.ini',
  });
  gitea.knobs.version = '28.1.0';
  expect((await last(unheard))?.fix).toContain('[security] ALLOWED_HOST_LIST');
});
