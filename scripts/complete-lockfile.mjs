// Adds to package-lock.json the platform packages (`@oxlint/binding-darwin-arm64` and the like) that npm
// left out because the registry it asked, a mirror, did not have them, and marks prebuilt packages. `npm ci` refuses a lockfile without
// them, on every platform. Run it after `npm install`; a house test tells when it is needed.
// The entries carry no checksum: npm fetches them by exact version, and only on the platform they name.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './prepare.mjs';

const OPERATING_SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = [
  'arm64',
  'arm',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];

/** The optional packages that `packages` of a lockfile names but does not hold. */
export function missingPlatformPackages(packages) {
  const missing = new Map();
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isHeld(packages, path, name)) continue;
      missing.set(`node_modules/${name}`, { name, version, parent: entry });
    }
  }
  return missing;
}

/** Node's own search: beside the dependent, then in each folder above. */
function isHeld(packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    if (packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`]) return true;
    if (folder === '') return false;
  }
}

function entryFor({ name, version, parent }) {
  const words = name.split('/').pop().split('-');
  const system = OPERATING_SYSTEMS.find((known) => words.includes(known));
  const processor = PROCESSORS.find((known) => words.includes(known));
  // WebAssembly runs on every system, so such a package names none.
  if (!/^\d+\.\d+\.\d+/.test(version) || !processor || (!system && processor !== 'wasm32')) {
    throw new Error(`${name}@${version} is not a platform package of an exact version: add it by hand`);
  }
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : null;
  return {
    version,
    cpu: [processor],
    ...(parent.dev ? { dev: true } : {}),
    ...(libc ? { libc: [libc] } : {}),
    ...(parent.license ? { license: parent.license } : {}),
    optional: true,
    ...(system ? { os: [system] } : {}),
    ...(parent.engines ? { engines: parent.engines } : {}),
  };
}

/**
 * Packages that ship their binary and say `gypfile: false`. npm drops that word from the lockfile and then
 * builds them all the same, which needs headers from the network: it is put back.
 */
export function unmarkedPrebuilt(packages, manifestOf) {
  return Object.keys(packages).filter(
    (path) => path !== '' && packages[path].gypfile !== false && manifestOf(path)?.gypfile === false,
  );
}

function installedManifest(path) {
  const file = join(root, path, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

function main() {
  const file = join(root, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingPlatformPackages(lock.packages);
  for (const [path, found] of missing) lock.packages[path] = entryFor(found);
  const prebuilt = unmarkedPrebuilt(lock.packages, installedManifest);
  for (const path of prebuilt) lock.packages[path].gypfile = false;
  const byPath = ([a], [b]) => (a < b ? -1 : 1);
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(byPath));
  if (missing.size + prebuilt.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(
    `package-lock.json: ${Object.keys(lock.packages).length} packages, ${missing.size} added, ${prebuilt.length} marked as prebuilt\n`,
  );
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main();
