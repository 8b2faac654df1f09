import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { projectRoot } from '../support/requirements.ts';

const folder = `node-${process.platform}-${process.arch}`;

let scratch = '';
let clone = '';

beforeEach(() => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'orch bin-')));
  clone = join(scratch, 'a clone');
  write(
    'a clone/src/cli/main.ts',
    'const args: string[] = process.argv.slice(2);\nconsole.log(JSON.stringify({ main: process.argv[1], args, cwd: process.cwd() }));\n',
  );
  write('a clone/node_modules/README', '');
  mkdirSync(join(clone, 'bin'));
  copyFileSync(join(projectRoot, 'bin/orch'), join(clone, 'bin/orch'));
  chmodSync(join(clone, 'bin/orch'), 0o755);
  bringNode(`a clone/node_modules/${folder}`);
});

afterEach(() => rmSync(scratch, { recursive: true, force: true }));

describe('bin/orch', () => {
  test('runs the sources from any folder, through links, with every argument as it was', () => {
    mkdirSync(join(scratch, 'links'));
    symlinkSync('../a clone/bin/orch', join(scratch, 'links/one'));
    symlinkSync(join(scratch, 'links/one'), join(scratch, 'links/orch'));
    const args = ['task', 'list', 'two words', '', '*', '--json'];
    const { status, stdout, stderr } = start(join(scratch, 'links/orch'), args);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ main: join(clone, 'src/cli/main.ts'), args, cwd: scratch });
  });

  test('runs dist in an installed package, where the packages lie beside it', () => {
    rmSync(join(clone, 'src'), { recursive: true });
    rmSync(join(clone, 'node_modules'), { recursive: true });
    bringNode(folder);
    write('a clone/dist/cli/main.js', 'console.log("built");\n');
    expect(start(join(clone, 'bin/orch'))).toMatchObject({ status: 0, stdout: 'built\n', stderr: '' });
  });

  test('refuses an older Node before any of our code is loaded', () => {
    rmSync(join(clone, 'node_modules', folder), { recursive: true });
    oldNode();
    const { status, stdout, stderr } = start(join(clone, 'bin/orch'));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^error: Orch needs Node 24 or newer; found v20\.20\.2\nhint: .+\n$/);
  });

  test('takes the Node on PATH when it is new enough and npm brought none', () => {
    rmSync(join(clone, 'node_modules', folder), { recursive: true });
    symlinkSync(process.execPath, join(scratch, 'node'));
    expect(start(join(clone, 'bin/orch')).status).toBe(0);
  });

  test('says what to run when nothing is installed', () => {
    rmSync(join(clone, 'node_modules'), { recursive: true });
    symlinkSync(process.execPath, join(scratch, 'node'));
    const { status, stderr } = start(join(clone, 'bin/orch'));
    expect(status).toBe(1);
    expect(stderr).toContain(`hint: run npm ci in ${clone}\n`);
  });

  test("ignores NODE_OPTIONS, which is somebody else's, and passes ORCH_NODE_OPTIONS on", () => {
    expect(start(join(clone, 'bin/orch'), [], { NODE_OPTIONS: '--bogus' }).status).toBe(0);
    expect(start(join(clone, 'bin/orch'), [], { ORCH_NODE_OPTIONS: '--bogus' }).status).toBe(9);
  });

  test('starts where no cache can be made', () => {
    expect(start(join(clone, 'bin/orch'), [], { XDG_CACHE_HOME: '/dev/null/cache' })).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(start(join(clone, 'bin/orch'), [], { XDG_CACHE_HOME: undefined, HOME: undefined })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });
});

/** The scratch folder comes first on PATH: what lies there as `node` is the machine's own. */
function start(command: string, args: readonly string[] = [], env: Record<string, string | undefined> = {}) {
  return spawnSync(command, args, {
    cwd: scratch,
    encoding: 'utf8',
    env: { PATH: `${scratch}:/usr/bin:/bin`, HOME: scratch, XDG_CACHE_HOME: join(scratch, 'cache'), ...env },
  });
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(scratch, file)), { recursive: true });
  writeFileSync(join(scratch, file), text);
}

function bringNode(place: string): void {
  mkdirSync(join(scratch, place, 'bin'), { recursive: true });
  symlinkSync(process.execPath, join(scratch, place, 'bin/node'));
}

function oldNode(): void {
  write('node', '#!/bin/sh\necho v20.20.2\n');
  chmodSync(join(scratch, 'node'), 0o755);
}
