import { describe, expect, test } from 'vitest';
import { buildFolder, holdsToken, isListed, isSecretName, rebuiltFolder } from './left-out.ts';
import { rawPath } from './paths.ts';

describe('what an automatic commit leaves out', () => {
  test.each([
    '.env',
    '.env.local',
    'config/.ENV.production',
    'server.pem',
    'deploy/tls.key',
    'id_rsa',
    'home/id_ed25519',
    'credentials.json',
    '.credentials.json',
    '.aws/credentials',
    '.netrc',
    '.git-credentials',
    'x.p12',
    'terraform.tfstate',
  ])('%s looks like a secret', (path) => {
    expect(isSecretName(path)).toBe(true);
  });

  test.each([
    '.env.example',
    'a/.env.sample',
    '.env.template',
    'src/env.ts',
    'keys.ts',
    'id_rsa.pub',
    'docs/credentials.md',
    'environment.json',
  ])('%s does not', (path) => {
    expect(isSecretName(path)).toBe(false);
  });

  test('a registry file counts only with a token inside', () => {
    expect(holdsToken('//registry.example.org/:_authToken=abc')).toBe(true);
    expect(holdsToken('npmAuthToken: abc')).toBe(true);
    expect(holdsToken('save-exact=true\n')).toBe(false);
  });

  test('folders made by tools are left out at any depth, output folders while nothing in them is tracked', () => {
    const none = () => false;
    expect(buildFolder(rawPath('web/node_modules/x/y.js'), none)).toBe('web/node_modules/');
    expect(buildFolder(rawPath('target/debug/x'), none)).toBe('target/');
    expect(buildFolder(rawPath('src/target/x.rs'), (folder) => folder === 'src/target/')).toBeNull();
    expect(buildFolder(rawPath('dist'), none)).toBeNull();
    expect(buildFolder(rawPath('build/rules.mk'), none)).toBeNull();
    expect(rebuiltFolder(rawPath('dist/a.js'))).toBeNull();
    expect(rebuiltFolder(rawPath('a/__pycache__/b.pyc'))).toBe('a/__pycache__/');
  });

  test('a listed path covers itself and what is below it', () => {
    expect(isListed('.env.test', ['.env.test'])).toBe(true);
    expect(isListed('conf/a.yml', ['./conf/'])).toBe(true);
    expect(isListed('config/a.yml', ['conf'])).toBe(false);
    expect(isListed('a', [''])).toBe(false);
  });
});
