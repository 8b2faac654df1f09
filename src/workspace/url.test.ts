import { describe, expect, test } from 'vitest';
import { parseRemoteUrl } from './url.ts';

describe('repository URLs', () => {
  test.each([
    ['/srv/git/api.git', 'file'],
    ['file:///srv/git/api.git', 'file'],
    ['ssh://git@host:2222/acme/api.git', 'ssh'],
    ['git@host:acme/api.git', 'ssh'],
    ['https://forge.example/acme/api.git', 'https'],
    ['http://127.0.0.1:3000/acme/api.git', 'http'],
  ])('%s is allowed over %s alone', (url, protocol) => {
    expect(parseRemoteUrl(url)).toMatchObject({ url, protocol, credentials: null });
  });

  test.each([
    '',
    '-oProxyCommand=evil',
    '--upload-pack=evil',
    'ext::sh -c evil',
    'ext::evil%20x',
    'git://host/x',
    'ftp://host/x',
    'relative/path',
    '../up',
    'file://other-host/x',
    'ssh://-oProxyCommand=evil/x',
    'ssh://-evil@host/x',
    'ssh://user:secret@host/x',
    'git@-host:x',
    'git@host:-x',
    'host:path',
    'https:///x',
    'https://forge.example\\@evil.example/x',
    'https://-host/x',
    '/srv/a\nb',
    'fd::17',
  ])('%j is refused', (url) => {
    expect(() => parseRemoteUrl(url)).toThrow(expect.objectContaining({ code: 'workspace.invalid_url' }));
  });

  test('a password inside the URL moves out of it and is never in an error', () => {
    const remote = parseRemoteUrl('https://mara:s3cret@forge.example:3000/acme/api.git');
    expect(remote.url).toBe('https://forge.example:3000/acme/api.git');
    expect(remote.origin).toBe('https://forge.example:3000');
    expect(remote.credentials?.username).toBe('mara');
    expect(remote.credentials?.password.reveal()).toBe('s3cret');
    expect(JSON.stringify(remote)).not.toContain('s3cret');
    expect(() => parseRemoteUrl('ssh://mara:s3cret@host/x')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
    );
  });

  test('credentials of one host are not given to another', () => {
    const credentials = { host: 'forge.example', username: 'orch', password: 'token' };
    expect(parseRemoteUrl('https://forge.example/a.git', credentials).credentials?.password.reveal()).toBe(
      'token',
    );
    expect(parseRemoteUrl('https://forge.example:443/a.git', credentials).credentials?.username).toBe('orch');
    expect(parseRemoteUrl('https://FORGE.example/a.git', credentials)).toMatchObject({
      url: 'https://forge.example/a.git',
      origin: 'https://forge.example',
    });
    for (const url of [
      'https://forge.example.evil/a.git',
      'https://evil.example/a.git',
      'https://forge.example:8443/a.git',
      '/srv/a.git',
      'git@forge.example:a.git',
    ]) {
      expect(parseRemoteUrl(url, credentials).credentials).toBeNull();
    }
  });
});
