import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeGithub, startGithub } from '../../../test/fakes/github.ts';
import { Secret } from '../../lib/secret.ts';
import { hostContext } from '../test-kit.ts';
import type { VendorContext } from '../vendor-kind.ts';
import { githubVendor } from './github-vendor.ts';

let github: FakeGithub;
beforeEach(async () => {
  github = await startGithub();
});
afterEach(() => github.close());

function contextOf(
  more: Partial<VendorContext> & { as?: Parameters<typeof hostContext>[2] } = {},
): VendorContext {
  const { as, ...rest } = more;
  return {
    access: hostContext('github', github, as).access,
    ...{ webhookSecret: new Secret('s'), publicUrl: 'https://orch.example.org', now: Date.now, heard: null },
    projects: [{ key: 'api', repo: github.gitUrl, tracker: null, forge: { kind: 'github' } }],
    ...rest,
  };
}
async function found(more?: Parameters<typeof contextOf>[0]): Promise<string[]> {
  const findings: string[] = [];
  for await (const { state, text } of githubVendor.inspect(contextOf(more)))
    findings.push(`${state}: ${text}`);
  return findings;
}

it('finds an installation well, as far as it may look', async () => {
  expect(await found()).toEqual([
    'ok: ORCH_GITHUB_TOKEN is orch',
    'ok: ORCH_GITHUB_REVIEWER_TOKEN is reviewer',
    'ok: api: may write to acme/widgets',
    'skipped: api: only an administrator sees the webhooks of acme/widgets',
  ]);
});

it('is silent where GitHub is not used', async () => {
  const { access } = contextOf();
  const off = { ...access, github: { url: null, token: null, reviewerToken: null } };
  expect(await found({ access: off, projects: [] })).toEqual(['skipped: off']);
  expect(await found({ access: off })).toEqual(['error: not set up']);
});

it('tells of a token that is not valid, and of one that does not see the repository', async () => {
  expect((await found({ as: { token: 'ghp_wrong' } }))[0]).toContain('error: ORCH_GITHUB_TOKEN: GET');
  github.knobs.blind = 'orch';
  expect((await found()).at(-1)).toBe('error: api: the token does not see acme/widgets');
});

it('tells of one account for both, and of none for reviews', async () => {
  expect(await found({ as: { reviewer: null } })).toContain(
    'warning: no second account: what Orch reviews is written as comments',
  );
  const { access } = contextOf();
  const same = { ...access, github: { ...access.github, reviewerToken: access.github.token } };
  expect(await found({ access: same })).toContain(
    'error: both tokens are of orch, who may not approve its own pull requests',
  );
});

it('makes the webhook, mends it, and sees whether it arrives', async () => {
  github.knobs.isAdmin = true;
  expect((await found()).at(-1)).toContain('warning: api: no webhook of acme/widgets leads to');
  const context = contextOf();
  const [project] = context.projects;
  if (project === undefined || githubVendor.addWebhook === null) throw new Error('no project');
  expect(await githubVendor.addWebhook(context, project, 's1')).toBe('webhook of acme/widgets made');
  expect(await githubVendor.addWebhook(context, project, 's2')).toBe('webhook of acme/widgets set anew');
  expect(github.hooks).toMatchObject([{ url: 'https://orch.example.org/webhooks/github', secret: 's2' }]);
  expect((await found()).at(-1)).toBe('skipped: api: its webhook is there; orch up tells whether it arrives');
  let asked = 0;
  const arrives = async () => ({ takenAt: ++asked, refusedAt: null });
  expect((await found({ heard: arrives })).at(-1)).toBe(
    'ok: api: its webhook arrives, signed as it should be',
  );
  const refused = async () => ({ takenAt: null, refusedAt: ++asked });
  expect((await found({ heard: refused })).at(-1)).toBe(
    'error: api: its webhook is signed with another secret',
  );
  Object.assign(github.hooks[0] ?? {}, { events: ['push'] });
  expect((await found()).at(-1)).toContain('its webhook does not tell of issues');
});
