import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LiveRun, launch } from '../src/launcher/launcher.ts';
import type { BenchOptions, Report } from './measure.ts';

const RUNS = 100;
const LIMIT_MB = 250;
const TEN_MINUTES_MS = 600_000;

/** What live runs cost in memory beside their agents: supervisors, timers, fences, and our side of them. */
export async function runs({ folder, quick }: BenchOptions): Promise<Report> {
  const count = quick ? RUNS / 5 : RUNS;
  const own = process.memoryUsage.rss();
  const live: LiveRun[] = [];
  const from = performance.now();
  try {
    for (let i = 0; i < count; i++) live.push(await launch(specOf(i, folder)));
    const started = (performance.now() - from) / count;
    const sessions = new Set(live.map((run) => run.pid));
    const runsMb = kilobytesOf(sessions) / 1024;
    const ownMb = Math.max(0, process.memoryUsage.rss() - own) / 2 ** 20;
    const scaled = ((runsMb + ownMb) / count) * RUNS;
    return {
      figures: [
        {
          part: 'runs',
          what: `${count} live runs, all their processes, proportional set size`,
          value: runsMb,
          unit: 'MB',
        },
        { part: 'runs', what: 'growth of the process that started them', value: ownMb, unit: 'MB' },
        { part: 'runs', what: 'starting one run', value: started, unit: 'ms' },
      ],
      gates: [
        { goal: `${RUNS} live runs, all in <= ${LIMIT_MB} MB`, measured: scaled, pass: scaled <= LIMIT_MB },
      ],
      skipped: [],
    };
  } finally {
    await Promise.all(live.map((run) => run.stop('cancel', { now: true })));
  }
}

/** An agent that is as small as a process can be, so that what is measured is ours. */
function specOf(i: number, folder: string) {
  return {
    runId: `run_${i}`,
    directory: join(folder, `run_${i}`),
    argv: ['sleep', '600'],
    cwd: folder,
    env: { PATH: '/usr/bin:/bin' },
    stdin: 'prompt',
    timeoutMs: TEN_MINUTES_MS,
    stallMs: TEN_MINUTES_MS,
    graceMs: 5_000,
    isolation: 'auto',
    about: {},
  } as const;
}

/** Shared pages are counted once among those who share them. */
function kilobytesOf(sessions: ReadonlySet<number>): number {
  let total = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const session = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
      if (!sessions.has(session)) continue;
      total += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      // It ended while we looked.
    }
  }
  return total;
}
