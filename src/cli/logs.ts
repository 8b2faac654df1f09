import type { Command } from 'commander';
import type { RunWire } from '../http/contract.ts';
import { options, output, server } from './context.ts';

const POLL_MS = 300;

interface Chunk {
  text: string;
  next: number;
  size: number;
  ended: boolean;
}

/** The log of a run, or of the latest run of a task or job; `-f` follows it to its end. */
export function registerLogs(program: Command): void {
  program
    .command('logs')
    .alias('log')
    .description('log of a run, or of the latest run of a task or job')
    .argument('<key>', 'run, task or job')
    .option('-f, --follow', 'go on until the run has ended')
    .action(async (key: string, _o, command: Command) => {
      const o = options<{ follow?: boolean }>(command);
      const out = output(command);
      const client = await server();
      const { run } = await client.get<{ run: RunWire }>(`/runs/${encodeURIComponent(key)}`);
      let after = 0;
      for (;;) {
        const chunk = await client.get<Chunk>(`/runs/${run.id}/log?after=${after}`);
        for (const line of chunk.text === '' ? [] : chunk.text.replace(/\n$/, '').split('\n')) {
          out.text(visible(line));
          out.line({ schema: 'orch.log/1', run: run.id, line });
        }
        const moved = chunk.next > after;
        after = chunk.next;
        if (moved && after < chunk.size) continue;
        if (o.follow !== true || chunk.ended) return;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    });
}

/** Log text is untrusted: control characters other than tab and colour are shown, not obeyed. */
function visible(line: string): string {
  return line.replace(/\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g, '·');
}
