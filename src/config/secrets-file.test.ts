import { expect, it } from 'vitest';
import { loadConfig } from './load.ts';
import { KINDS } from './test-kit.ts';

const load = (files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) =>
  loadConfig({
    ...{ env: { HOME: '/h', ...env }, cwd: '/w', kinds: KINDS },
    readFile: (path) => {
      const text = files[path];
      if (text === 'unreadable') throw Object.assign(new Error('no'), { code: 'EACCES' });
      return text ?? null;
    },
  });

it('reads secrets from the file beside orch.yaml, below the environment, and watches it', () => {
  const text = `# written by orch init\nORCH_GITEA_TOKEN="abc def"\nexport ORCH_GITEA_WEBHOOK_SECRET=s=1\nPATH=/evil\n`;
  const files = { '/w/orch.yaml': 'gitea_url: https://g.example\n', '/w/secrets.env': text };
  const { config, files: watched, digest, warnings } = load(files, { ORCH_GITEA_WEBHOOK_SECRET: '' });
  expect(config.gitea.token?.reveal()).toBe('abc def');
  expect(config.gitea.webhookSecret?.reveal()).toBe('s=1');
  expect([watched, warnings]).toEqual([['/w/orch.yaml', '/w/secrets.env'], []]);
  expect(load(files, { ORCH_GITEA_TOKEN: 'other' }).config.gitea.token?.reveal()).toBe('other');
  expect(load({ ...files, '/w/secrets.env': '' }).digest).not.toBe(digest);
});

it('does without one that is for another user, and warns of a name that it does not know', () => {
  expect(load({ '/w/orch.yaml': '', '/w/secrets.env': 'unreadable' }).config.gitea.token).toBeNull();
  const { warnings } = load({ '/w/orch.yaml': '', '/w/secrets.env': 'ORCH_GITEA_TOKN=x\n' });
  expect(warnings).toMatchObject([{ key: 'ORCH_GITEA_TOKN', value: null }]);
});
