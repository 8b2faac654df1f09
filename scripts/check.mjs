// One command that runs what CI runs, except the tests. Each tool says how much it looked at; one that
// looked at nothing has failed.
//   npm run check                 npm run check -- oxlint knip         npm run check -- --fix
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fail, prepare, requireNode, root } from './prepare.mjs';

/** Two at once suits the two cores CI has; every tool is multi-threaded already. */
const AT_ONCE = 2;
const DOCS = 'docs/configuration.md';

try {
  await prepare();
} catch (error) {
  fail(error.message, error.hint);
}
const node = requireNode();
const fix = process.argv.includes('--fix');
const asked = process.argv.slice(2).filter((argument) => argument !== '--fix');

/** `count` reads from a tool's own output how many files it looked at. */
const tools = [
  {
    name: 'tsc',
    // The server; the page with its own libraries; the tests that run inside of a page.
    commands: [[], ['-p', 'web'], ['-p', 'test/browser']].map((project) => [
      node,
      bin('typescript', 'tsc'),
      '--noEmit',
      '--listFiles',
      '--pretty',
      'false',
      ...project,
    ]),
    count: (output) => ownFiles(output).length,
    show: (output) =>
      output
        .split('\n')
        .filter((line) => !isListedFile(line))
        .join('\n'),
  },
  {
    name: 'oxlint',
    commands: [
      [
        node,
        bin('oxlint', 'oxlint'),
        '--type-aware',
        '--deny-warnings',
        '--report-unused-disable-directives',
        ...(fix ? ['--fix'] : []),
      ],
    ],
    count: (output) => Number(/Finished in .* on (\d+) files?/.exec(output)?.[1] ?? 0),
  },
  {
    name: 'biome',
    commands: [
      [
        node,
        bin('@biomejs/biome', 'biome'),
        'check',
        '--error-on-warnings',
        '--colors=off',
        ...(fix ? ['--write'] : []),
      ],
    ],
    count: (output) => Number(/Checked (\d+) files?/.exec(output)?.[1] ?? 0),
  },
  {
    name: 'knip',
    commands: [
      [
        node,
        bin('knip', 'knip'),
        '--no-progress',
        '--reporter',
        'symbols',
        '--reporter',
        './scripts/knip-count.mjs',
      ],
    ],
    count: (output) => Number(/knip looked at (\d+) files/.exec(output)?.[1] ?? 0),
  },
  {
    name: 'shell',
    commands: shellScripts().map(([file, shell]) => [shell, '-n', file]),
    count: () => shellScripts().length,
  },
  {
    name: 'docs',
    commands: [[node, 'src/cli/main.ts', 'config', 'docs', '--check', DOCS]],
    count: () => (existsSync(join(root, DOCS)) ? 1 : 0),
    absent: existsSync(join(root, 'src/cli/main.ts')) ? null : 'src/cli/main.ts does not exist yet',
  },
];

const unknown = asked.find((name) => !tools.some((tool) => tool.name === name));
if (unknown) fail(`no tool is called ${unknown}`, `tools: ${tools.map((tool) => tool.name).join(', ')}`);
const chosen = tools.filter((tool) => asked.length === 0 || asked.includes(tool.name));

const started = Date.now();
const failed = [];
const queue = [...chosen];
await Promise.all(Array.from({ length: AT_ONCE }, work));
const seconds = ((Date.now() - started) / 1000).toFixed(1);
if (failed.length > 0) {
  process.stdout.write(`check failed: ${failed.join(', ')} (${seconds} s)\n`);
  process.exit(1);
}
process.stdout.write(`check passed: ${chosen.map((tool) => tool.name).join(', ')} (${seconds} s)\n`);

async function work() {
  for (let tool = queue.shift(); tool; tool = queue.shift()) {
    const line = await judge(tool);
    process.stdout.write(line);
  }
}

async function judge(tool) {
  if (tool.absent) return `--    ${tool.name.padEnd(8)} not run: ${tool.absent}\n`;
  const begun = Date.now();
  let output = '';
  let ok = tool.commands.length > 0;
  for (const command of tool.commands) {
    const result = await run(command);
    output += result.output;
    ok &&= result.code === 0;
  }
  const files = tool.count(output);
  const time = ((Date.now() - begun) / 1000).toFixed(1);
  const line = `${tool.name.padEnd(8)} ${String(files).padStart(4)} ${files === 1 ? 'file ' : 'files'}  ${time} s\n`;
  if (ok && files > 0) return `ok    ${line}`;
  failed.push(tool.name);
  const shown = (tool.show?.(output) ?? output).trim();
  const empty =
    files === 0 ? `${tool.name} looked at no file: a gate that checked nothing is a failure\n` : '';
  return `FAIL  ${line}${shown}\n${empty}`;
}

function run([command, ...args]) {
  const env = { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' };
  delete env.FORCE_COLOR;
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ code: 1, output: `${output}${error.message}\n` }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

function bin(name, command) {
  const folder = join(root, 'node_modules', name);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[command]);
}

function isListedFile(line) {
  return /^\/.*\.[cm]?tsx?$/.test(line) || /^\/.*\.json$/.test(line);
}

function ownFiles(output) {
  return output
    .split('\n')
    .filter((line) => isListedFile(line) && line.startsWith(`${root}/`) && !line.includes('/node_modules/'));
}

/** Every shell file of ours, with the shell that its first line names. */
function shellScripts() {
  const found = ['bin', '.ci', 'src', 'scripts', 'test']
    .filter((name) => existsSync(join(root, name)))
    .flatMap((name) =>
      readdirSync(join(root, name), { recursive: true, withFileTypes: true })
        .filter(
          (entry) =>
            entry.isFile() && !entry.parentPath.includes('fixtures') && /^[^.]+$|\.sh$/.test(entry.name),
        )
        .map((entry) => relative(root, join(entry.parentPath, entry.name))),
    );
  return found.flatMap((file) => {
    const first = readFileSync(join(root, file), 'utf8').split('\n', 1)[0] ?? '';
    const shell = /^#!.*\b(bash|sh)\b/.exec(first)?.[1];
    return shell ? [[file, shell]] : [];
  });
}
