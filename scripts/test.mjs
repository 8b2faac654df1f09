// Runs every suite on Node 24 and ends with one countable line. Arguments go to vitest:
//   npm test -- src/agents        npm test -- --project e2e
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, prepare, requireNode, root } from './prepare.mjs';
import { buildWeb } from './web.mjs';

try {
  await prepare();
  buildWeb();
} catch (error) {
  fail(error.message, error.hint);
}
const node = requireNode();
const scratch = mkdtempSync(join(tmpdir(), 'orch-test-'));
const summaryFile = join(scratch, 'summary.json');

const { code, signal } = await runVitest();
const summary = readSummary();
rmSync(scratch, { recursive: true, force: true });
process.exit(report());

function runVitest() {
  const args = [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    `--reporter=${join(root, 'test/support/closing-reporter.ts')}`,
    ...process.argv.slice(2),
  ];
  // One for all the services that tests start: each would compile every module anew.
  const compileCache = join(scratch, 'compile-cache');
  const env = { ...process.env, ORCH_TEST_SUMMARY: summaryFile, ORCH_TEST_COMPILE_CACHE: compileCache };
  const child = spawn(node, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
  // The terminal sends Ctrl-C to the whole group; we stay to print the closing line.
  process.on('SIGINT', () => {});
  for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, exitSignal) => resolve({ code: exitCode, signal: exitSignal }));
  });
}

function readSummary() {
  try {
    return JSON.parse(readFileSync(summaryFile, 'utf8'));
  } catch {
    return null; // vitest ended before its reporters were told
  }
}

/** Prints reasons first: the closing line is the last one and stands alone. Returns the exit code. */
function report() {
  if (summary === null) {
    process.stdout.write(
      `vitest ended without a result (${signal ?? `exit code ${code}`})\n0 passed, 1 failed\n`,
    );
    return 1;
  }
  const { passed, failed, skipped, skips, errors } = summary;
  for (const { what, reason, count } of skips) {
    process.stdout.write(`skipped: ${what} (${count} ${count === 1 ? 'test' : 'tests'}): ${reason}\n`);
  }
  const problems = [...errors];
  if (passed + failed === 0) problems.push('no test ran: a run that checked nothing is a failure');
  if (code !== 0 && failed === 0 && problems.length === 0)
    problems.push(`vitest ended with ${signal ?? `exit code ${code}`}`);
  for (const problem of problems) process.stdout.write(`failed: ${problem}\n`);
  const failures = failed + problems.length;
  process.stdout.write(`${passed} passed, ${failures} failed, ${skipped} skipped\n`);
  return failures === 0 && code === 0 ? 0 : 1;
}
