// Compiles src/ to dist/ with tsc and copies what the program reads at run time: every file under src/
// that is not TypeScript; then builds the page to dist/web.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fail, prepare, requireNode, root } from './prepare.mjs';
import { buildWeb } from './web.mjs';

try {
  await prepare();
} catch (error) {
  fail(error.message, error.hint);
}
const node = requireNode();
const started = Date.now();
const source = join(root, 'src');
const target = join(root, 'dist');

rmSync(target, { recursive: true, force: true });
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const compiled = spawnSync(node, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (compiled.status !== 0) fail('tsc reported errors', 'npm run check -- tsc');

const assets = filesUnder(source).filter((file) => !/\.[cm]?tsx?$/.test(file) && !isForTests(file));
for (const asset of assets) {
  const copy = join(target, relative(source, asset));
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(asset, copy);
  chmodSync(copy, statSync(asset).mode);
}
const modules = filesUnder(target).filter((file) => file.endsWith('.js'));
if (modules.length === 0) fail('the build wrote no module', 'look at tsconfig.build.json');
try {
  buildWeb();
} catch (error) {
  fail(error.message, error.hint);
}
const seconds = ((Date.now() - started) / 1000).toFixed(1);
process.stdout.write(`dist: ${modules.length} modules, ${assets.length} assets (${seconds} s)\n`);

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function isForTests(file) {
  return /\/(__snapshots__|fixtures)\//.test(file) || file.endsWith('.snap');
}
