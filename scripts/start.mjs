// `npm start`: the demo, in the foreground. A person approves in the terminal; without one it approves itself.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fail, root } from './prepare.mjs';
import { buildWeb } from './web.mjs';

try {
  buildWeb();
} catch (error) {
  fail(error.message, error.hint);
}

const args = ['up', '--demo', ...(process.stdin.isTTY ? [] : ['--yes']), ...process.argv.slice(2)];
const child = spawn(join(root, 'bin', 'orch'), args, { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 130);
});
