import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { type ConfigEdit, draftOf, refuseFromElsewhere, writeDraft } from './edit.ts';
import { loadConfig } from './load.ts';
import { KINDS } from './test-kit.ts';

const TEXT = `# Ours.
max_concurrency: 4 # two machines
accounts:
  a: { agent: claude-code }
projects:
  api:
    repo: https://git.example/acme/api.git # mirrored
    base: main
    accounts: [a]
    # The nightly one is long.
    checks: ["npm test"]
`;

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orch-edit-'));
  file = join(folder, 'orch.yaml');
  writeFileSync(file, TEXT);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = (env: Record<string, string> = {}) => ({
  env: { HOME: folder, ORCH_HOME: join(folder, 'home'), ORCH_AGENT_HOME: folder, ...env },
  cwd: folder,
  kinds: KINDS,
});
const draft = (edit: Partial<ConfigEdit>, env: Record<string, string> = {}) =>
  draftOf({ values: [], secrets: {}, revision: null, ...edit }, options(env));
const set = (path: (string | number)[], text: string | null) => ({ values: [{ path, text }] });
function refusal(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a change of orch.yaml', () => {
  it('keeps what people wrote around it', () => {
    writeDraft(draft(set(['max_concurrency'], '6')));
    expect(readFileSync(file, 'utf8')).toBe(TEXT.replace('max_concurrency: 4', 'max_concurrency: 6'));
  });

  it('adds and removes keys at any depth, with the values as the file writes them', () => {
    const made = draft({
      values: [
        { path: ['projects', 'api', 'budget', 'usd_per_day'], text: '20' },
        { path: ['projects', 'api', 'checks', 0], text: 'npm run all' },
        { path: ['projects', 'api', 'tracker'], text: '{ kind: local }' },
        { path: ['max_concurrency'], text: null },
      ],
    });
    expect(made.loaded.config.projects[0]).toMatchObject({ checks: ['npm run all'] });
    expect(made.changes).toEqual([
      { key: 'max_concurrency', before: '4', after: null },
      { key: 'projects.api.checks', before: 'a list', after: 'a list' },
      { key: 'projects.api.budget.usd_per_day', before: null, after: '20' },
      { key: 'projects.api.tracker.kind', before: null, after: '"local"' },
    ]);
    writeDraft(made);
    expect(readFileSync(file, 'utf8')).toContain('# The nightly one is long.');
    expect(readFileSync(file, 'utf8')).not.toContain('max_concurrency');
  });

  it('is checked whole before a byte is written', () => {
    const { code, message } = refusal(() => draft(set(['projects', 'api', 'accounts'], '[b]')));
    expect(code).toBe('config.invalid');
    expect(message).toContain('projects.api.accounts');
    expect(refusal(() => draft(set(['projects', 'api', 'wieght'], '2'))).message).toContain('weight');
    expect(refusal(() => draft(set(['base'], '{ a: ['))).code).toBe('config.invalid');
    expect(readFileSync(file, 'utf8')).toBe(TEXT);
  });

  it('refuses what would have no effect, naming what wins', () => {
    const { code, message } = refusal(() =>
      draft(set(['max_concurrency'], '6'), { ORCH_MAX_CONCURRENCY: '2' }),
    );
    expect([code, message]).toEqual([
      'config.set_elsewhere',
      'max_concurrency is set by ORCH_MAX_CONCURRENCY, which wins over orch.yaml',
    ]);
  });

  it('refuses to write over what somebody else changed meanwhile', () => {
    const { revision } = draft(set(['max_concurrency'], '6'));
    writeFileSync(file, TEXT.replace('two machines', 'three'));
    expect(refusal(() => draft({ ...set(['max_concurrency'], '6'), revision })).code).toBe('config.changed');
    const stale = draft(set(['max_concurrency'], '6'));
    writeFileSync(file, TEXT);
    expect(refusal(() => writeDraft(stale)).code).toBe('config.changed');
  });

  it('goes through a link to the file, and keeps its rights', () => {
    const real = join(folder, 'real.yaml');
    writeFileSync(real, TEXT);
    chmodSync(real, 0o640);
    rmSync(file);
    symlinkSync(real, file);
    writeDraft(draft(set(['max_concurrency'], '6')));
    expect(readFileSync(real, 'utf8')).toContain('max_concurrency: 6');
    expect(statSync(real).mode & 0o777).toBe(0o640);
  });

  it('makes a first file where there is none', () => {
    rmSync(file);
    const made = draft(set(['max_concurrency'], '3'));
    writeDraft(made);
    expect(readFileSync(made.file, 'utf8')).toBe('max_concurrency: 3\n');
  });

  it('makes one for secrets, too, which would not be read without it', () => {
    rmSync(file);
    writeDraft(draft({ secrets: { ORCH_GITHUB_TOKEN: 'x' } }));
    expect(loadConfig(options()).config.github.token?.reveal()).toBe('x');
  });

  it('does not write through an alias', () => {
    writeFileSync(file, TEXT.replace('a: { agent: claude-code }', 'a: &a { agent: claude-code }\n  b: *a'));
    expect(refusal(() => draft(set(['accounts', 'b', 'slots'], '3'))).message).toContain('accounts.b.slots');
  });
});

describe('a change from elsewhere', () => {
  const refused = (path: string[], text: string) => {
    try {
      refuseFromElsewhere(draft(set(path, text)));
      return null;
    } catch (error) {
      return error instanceof AppError ? error.code : error;
    }
  };

  it.each([
    [['host'], '0.0.0.0'],
    [['claude_bin'], '/tmp/claude'],
    [['accounts', 'a', 'home'], '/root'],
    [['accounts', 'b'], '{ agent: claude-code, home: /root }'],
    [['accounts', 'a', 'env'], '{ ANTHROPIC_BASE_URL: https://evil.example }'],
    [['accounts', 'a', 'unsafe'], 'true'],
    [['projects', 'api', 'workspace', 'copy'], '[.env]'],
    [['projects', 'web'], '{ repo: https://x.example/r.git, accounts: [a], workspace: { env_file: .env } }'],
    [['projects', 'api', 'pipeline'], '[{ stage: development, agent: developer, prompt: Read it. }]'],
  ])('may not name what lies on the machine: %j', (path, text) => {
    expect(refused(path, text)).toBe('config.machine_only');
  });

  it('may name an address, and not send a token there that is known already', () => {
    expect(refused(['gitea_url'], 'https://git.example')).toBeNull();
    writeDraft(draft({ ...set(['gitea_url'], 'https://git.example'), secrets: { ORCH_GITEA_TOKEN: 'x' } }));
    expect(refused(['gitea_url'], 'https://evil.example')).toBe('config.machine_only');
    expect(refused(['github_url'], 'https://ghe.example')).toBeNull();
    writeDraft(draft({ secrets: { ORCH_TELEGRAM_BOT_TOKEN: '1:x' } }));
    expect(refused(['telegram_api_url'], 'https://evil.example')).toBe('config.machine_only');
    const both = {
      ...set(['gitea_url'], 'https://other.example'),
      secrets: { ORCH_GITEA_TOKEN: 'of there' },
    };
    expect(() => refuseFromElsewhere(draft(both))).not.toThrow();
  });

  it('may not replace what is there with what it adds', () => {
    const added = (name: string) => () =>
      draft({
        values: [
          { path: ['projects', name], text: '{ repo: https://x.example/r.git, accounts: [a] }', isNew: true },
        ],
      });
    expect(added('api')).toThrow(expect.objectContaining({ code: 'config.exists' }));
    expect(added('web')).not.toThrow();
    expect(added('toString')).not.toThrow(expect.objectContaining({ code: 'config.exists' }));
  });

  it('may add an account of the user that Orch runs as, and a project', () => {
    expect(refused(['accounts', 'b'], '{ agent: claude-code, home: "~", slots: 2 }')).toBeNull();
    expect(refused(['projects', 'web'], '{ repo: https://x.example/r.git, accounts: [a] }')).toBeNull();
  });
});

describe('a change of secrets.env', () => {
  const secrets = () => readFileSync(join(folder, 'secrets.env'), 'utf8');

  it('sets, replaces and removes lines of its own, for the owner alone', () => {
    writeFileSync(join(folder, 'secrets.env'), '# ours\nORCH_GITEA_TOKEN=old\nORCH_API_TOKEN=keep\n', {
      mode: 0o644,
    });
    writeDraft(
      draft({ secrets: { ORCH_GITEA_TOKEN: 'new', ORCH_TELEGRAM_BOT_TOKEN: '1:x', ORCH_API_TOKEN: null } }),
    );
    expect(secrets()).toBe('# ours\nORCH_GITEA_TOKEN=new\nORCH_TELEGRAM_BOT_TOKEN=1:x\n');
    expect(statSync(join(folder, 'secrets.env')).mode & 0o777).toBe(0o600);
  });

  it('is told without a word of the secret', () => {
    const { changes } = draft({ secrets: { ORCH_GITEA_TOKEN: 'hunter2' } });
    expect(changes).toEqual([{ key: 'ORCH_GITEA_TOKEN', before: null, after: '[secret]' }]);
  });

  it('takes secrets alone, each on one line', () => {
    expect(refusal(() => draft({ secrets: { ORCH_PORT: '1' } })).code).toBe('config.not_secret');
    expect(refusal(() => draft({ secrets: { ORCH_GITEA_TOKEN: 'a\nORCH_API_TOKEN=b' } })).code).toBe(
      'config.not_secret',
    );
    expect(refusal(() => draft(set(['gitea_token'], 'x'))).code).toBe('config.secret');
  });
});
