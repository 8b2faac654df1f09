// Builds the page (web/) to dist/web when what it is made of has changed. `npm start`, `npm test` and
// `npm run build` call it; a second call finds the stamp and returns at once.
//   node scripts/web.mjs
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail, prepare, requireNode, root } from './prepare.mjs';

const source = join(root, 'web');
const target = join(root, 'dist/web');
const stampFile = join(target, 'stamp.txt');

/** Builds when needed; returns false when there was nothing to do. Throws an Error with a `hint`. */
export function buildWeb() {
  const stamp = stampOf();
  if (isBuilt(stamp)) return false;
  const started = Date.now();
  // Beside the target and then renamed: whoever serves or builds at the same time sees a whole page.
  const fresh = join(root, `dist/.web-${process.pid}`);
  mkdirSync(join(root, 'dist'), { recursive: true });
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  const built = spawnSync(
    requireNode(),
    [vite, 'build', '--config', join(source, 'vite.config.ts'), '--outDir', fresh, '--logLevel', 'warn'],
    { cwd: root, encoding: 'utf8', env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' } },
  );
  if (built.status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    const output = `${built.stdout ?? ''}${built.stderr ?? ''}`.trim();
    throw Object.assign(new Error(`the page was not built\n${output}`), { hint: 'npm run check -- tsc' });
  }
  writeFileSync(join(fresh, 'stamp.txt'), `${stamp}\n`);
  rmSync(target, { recursive: true, force: true });
  try {
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!isBuilt(stamp)) throw error; // another build of the same page was faster
  }
  process.stderr.write(`Built the page in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  return true;
}

function isBuilt(stamp) {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8').trim() === stamp;
}

/** The page depends on its own files and on the packages; from the server it takes types alone. */
function stampOf() {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) hash.update(`\0${file.slice(source.length)}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await prepare();
    buildWeb();
  } catch (error) {
    fail(error.message, error.hint);
  }
}
