import { describe, expect, it } from 'vitest';
import { riskOf } from './risk.ts';

describe('what a changed file may do beyond its own text', () => {
  it.each([
    ['.github/workflows/ci.yml', 'ci'],
    ['.gitea/workflows/test.yaml', 'ci'],
    ['.gitlab-ci.yml', 'ci'],
    ['.claude/settings.json', 'agent'],
    ['docs/AGENTS.md', 'agent'],
    ['.orch/pipeline.yaml', 'agent'],
    ['.husky/pre-commit', 'hooks'],
    ['packages/a/package.json', 'lifecycle'],
    ['db/migrations/004.ts', 'migration'],
    ['schema.sql', 'migration'],
    ['.env.production', 'secrets'],
    ['certs/server.pem', 'secrets'],
    ['Dockerfile', 'deploy'],
    ['infra/main.tf', 'deploy'],
    ['src/charge.js', null],
    ['src/secretary.ts', null],
    ['src/deployment-list.ts', null],
    ['README.md', null],
  ])('%s: %s', (path, risk) => {
    expect(riskOf(path)).toBe(risk);
  });
});
