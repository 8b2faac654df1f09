/**
 * Performance, measured here and never in a timed test: `node bench/main.ts [--quick] [--only a,b]
 * [--json] [--install]`. Exits 1 when a gate is missed. `--only kills [--rounds N] [--seed S]` and `--only soak
 * [--tasks N] [--projects M]` take long, and run only when they are named.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fairness } from './fairness.ts';
import { hold } from './hold.ts';
import { kills } from './kills.ts';
import type { BenchOptions, Report } from './measure.ts';
import { now } from './now.ts';
import { pickup } from './pickup.ts';
import { queue } from './queue.ts';
import { runs } from './runs.ts';
import { screen } from './screen.ts';
import { soak } from './soak.ts';
import { verdict } from './verdict.ts';

const PARTS: Readonly<Record<string, (options: BenchOptions) => Promise<Report>>> = {
  queue,
  fairness,
  hold,
  pickup,
  verdict,
  runs,
  now,
  screen,
};
/** Only when named. */
const LONG_PARTS: typeof PARTS = { kills, soak };

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    install: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seed: { type: 'string' },
    tasks: { type: 'string' },
    projects: { type: 'string' },
  },
});
const sizes = {
  rounds: count('rounds', values.quick ? 20 : 200),
  seed: count('seed', 1),
  tasks: count('tasks', values.quick ? 40 : 1000),
  projects: count('projects', values.quick ? 4 : 20),
};
const parts = { ...PARTS, ...LONG_PARTS };
const names = values.only?.split(',') ?? Object.keys(PARTS);
const unknown = names.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}

const report: Report = { figures: [], gates: [], skipped: [] };
for (const name of names) {
  const folder = mkdtempSync(join(tmpdir(), 'orch-bench-'));
  // Servers that refuse root run as an ordinary user: that user must get in.
  chmodSync(folder, 0o755);
  try {
    const part = await parts[name]?.({
      ...{ quick: values.quick, install: values.install, folder, ...sizes },
      say: (line) => console.error(line),
    });
    report.figures.push(...(part?.figures ?? []));
    report.gates.push(...(part?.gates ?? []));
    report.skipped.push(...(part?.skipped ?? []));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'cpu'}, load ${loadavg()[0]?.toFixed(1)}, Node ${process.versions.node}`;
if (values.json)
  console.log(JSON.stringify({ schema: 'orch.bench/1', machine, quick: values.quick, ...report }));
else print();
process.exitCode = report.gates.some((gate) => gate.pass === false) ? 1 : 0;

function print(): void {
  console.log(`${machine}${values.quick ? ', quick' : ''}\n`);
  const width = Math.max(
    ...report.figures.map((figure) => figure.what.length),
    ...report.gates.map((gate) => gate.goal.length),
  );
  for (const { what, value, unit } of report.figures)
    console.log(`${what.padEnd(width)}  ${plain(value).padStart(9)} ${unit}`);
  console.log();
  for (const { goal, measured, pass } of report.gates)
    console.log(
      `${goal.padEnd(width)}  ${(measured === null ? '-' : plain(measured)).padStart(9)} ${pass === null ? 'not measured' : pass ? 'pass' : 'FAIL'}`,
    );
  for (const { what, why } of report.skipped) console.log(`\nskipped: ${what}: ${why}`);
}

function count(name: 'rounds' | 'seed' | 'tasks' | 'projects', otherwise: number): number {
  const n = Number(values[name] ?? otherwise);
  if (Number.isSafeInteger(n) && n > 0) return n;
  console.error(`--${name} is a whole number from 1, not ${values[name]}`);
  process.exit(2);
}

function plain(value: number): string {
  return value >= 100 || Number.isInteger(value)
    ? String(Math.round(value))
    : value.toFixed(value >= 1 ? 2 : 3);
}
