import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchOptions, Report } from './measure.ts';

const GIGABYTE = 2 ** 30;
const CHUNK = 2 ** 22;

/** Judging a run whose log is a gigabyte: seconds and peak memory of a process that does nothing else. */
export async function verdict({ folder, quick }: BenchOptions): Promise<Report> {
  const bytes = quick ? GIGABYTE / 8 : GIGABYTE;
  const path = join(folder, 'run.log');
  writeLog(path, bytes);
  const small = join(folder, 'small.log');
  writeLog(small, CHUNK);
  const base = judgeApart(small);
  const { verdict: judged, seconds, peakMb } = judgeApart(path);
  if (judged !== 'success') throw new Error(`a good log was judged ${judged}`);
  const size = quick ? '128 MB' : '1 GB';
  return {
    figures: [
      { part: 'verdict', what: `verdict on a log of ${size}`, value: seconds, unit: 's' },
      { part: 'verdict', what: `its peak memory, Node included`, value: peakMb, unit: 'MB' },
      { part: 'verdict', what: 'the same for a log of 4 MB', value: base.peakMb, unit: 'MB' },
    ],
    gates: [
      {
        goal: 'verdict: peak memory does not grow with the log (<= 50 MB more)',
        measured: peakMb - base.peakMb,
        pass: peakMb - base.peakMb <= 50,
      },
    ],
    skipped: [],
  };
}

/** A stream of an agent that reads and edits for hours, then ends well. */
function writeLog(path: string, bytes: number): void {
  const file = openSync(path, 'w');
  const line = (event: object) => `${JSON.stringify(event)}\n`;
  writeSync(
    file,
    line({
      type: 'system',
      subtype: 'init',
      session_id: 's1',
      model: 'm',
      tools: [],
      claude_code_version: '2.1.0',
    }),
  );
  const turn =
    line({
      type: 'assistant',
      session_id: 's1',
      message: {
        id: 'msg',
        role: 'assistant',
        model: 'm',
        content: [{ type: 'tool_use', id: 't', name: 'Read', input: { file_path: 'src/a.ts' } }],
        usage: { input_tokens: 9, output_tokens: 9 },
      },
    }) +
    line({
      type: 'user',
      session_id: 's1',
      message: {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't', content: 'rate limit, not logged in\n'.repeat(200) },
        ],
      },
    });
  const chunk = turn.repeat(Math.ceil(CHUNK / turn.length));
  for (let written = 0; written < bytes; written += chunk.length) writeSync(file, chunk);
  writeSync(
    file,
    line({
      type: 'result',
      subtype: 'success',
      is_error: false,
      result: 'done',
      session_id: 's1',
      num_turns: 9,
      usage: { input_tokens: 120, output_tokens: 45 },
      total_cost_usd: 0.12,
    }),
  );
  closeSync(file);
}

function judgeApart(path: string): { verdict: string; seconds: number; peakMb: number } {
  const source = `
    import { judge } from ${JSON.stringify(new URL('../src/agents/claude-code/judge.ts', import.meta.url).href)};
    const from = performance.now();
    const end = { exitCode: 0, signal: null, stoppedBy: null, vanished: false };
    const { verdict } = await judge({ stdoutPath: ${JSON.stringify(path)}, stderrPath: null, end, startedAt: Date.now() - 60000, timeZone: 'UTC' });
    console.log(JSON.stringify({ verdict, seconds: (performance.now() - from) / 1000, peakMb: process.resourceUsage().maxRSS / 1024 }));`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '--eval', source], { encoding: 'utf8' }),
  ) as ReturnType<typeof judgeApart>;
}
