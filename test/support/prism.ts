import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_LIMIT_MS = 60_000;

/**
 * Prism between a client and a fake of ours: a request or an answer that breaks the contract becomes an error
 * answer. `broken` has what it said of them.
 */
export async function startPrism(
  contract: string,
  upstream: string,
): Promise<{ url: string; broken(): string[]; close(): Promise<void> }> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'orch-prism-'));
  const file = join(folder, 'contract.json');
  await writeFile(file, JSON.stringify(answerable(JSON.parse(await readFile(contract, 'utf8')) as Contract)));
  const child = spawn(
    process.execPath,
    [
      createRequire(import.meta.url).resolve('@stoplight/prism-cli/dist/index.js'),
      ...['proxy', '--errors', '--host', '127.0.0.1', '--port', String(port), file, upstream],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Prism did not start:\n${log}`)), START_LIMIT_MS);
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        if (!log.includes('Prism is listening')) return;
        clearTimeout(timer);
        resolve();
      });
    child.once('exit', (code) => reject(new Error(`Prism ended with ${code}:\n${log}`)));
  });
  await ready;
  return {
    url: `http://127.0.0.1:${port}`,
    broken: () => log.split('\n').filter((line) => /violation|did not match|✖/i.test(line)),
    async close() {
      const ended = child.exitCode === null ? once(child, 'exit') : null;
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Contract {
  readonly paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>;
}

/** Without path parameters that the path has no place for: no request could bring them. */
function answerable(contract: Contract): Contract {
  for (const [path, operations] of Object.entries(contract.paths))
    for (const operation of Object.values(operations))
      if (Array.isArray(operation.parameters))
        operation.parameters = operation.parameters.filter(
          (each) => each.in !== 'path' || path.includes(`{${each.name}}`),
        );
  return contract;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
