import { type KillTable, killRounds, ON_ANY_DISK, ON_SMALL_DISK } from './kill/rounds.ts';
import { type BenchOptions, median, type Report } from './measure.ts';

const PROJECTS = 3;
const OPEN = 5;
/** One round in so many is one of a full disk. */
const FULL_DISK = 10;
const ADOPTION_MS = 1000;

/**
 * `kill -9` at random moments of Orch, supervisors, agents and pushes, stops, jumps of the clock and a full disk:
 * what the API had answered with is still so, nothing happened twice, nothing is left behind.
 */
export async function kills({ rounds, seed, say }: BenchOptions): Promise<Report> {
  const rest = { projects: PROJECTS, open: OPEN, say };
  const full = Math.max(1, Math.floor(rounds / FULL_DISK));
  const tables = [
    await killRounds({ rounds: rounds - full, seed, acts: ON_ANY_DISK, ...rest }),
    await killRounds({ rounds: full, seed: seed + 1, acts: ON_SMALL_DISK, ...rest }),
  ];
  const sum = (of: (table: KillTable) => number) => tables.reduce((total, table) => total + of(table), 0);
  const all = <T>(of: (table: KillTable) => readonly T[]) => tables.flatMap(of);
  const report: Report = { figures: [], gates: [], skipped: all(({ skipped }) => skipped) };
  const note = (what: string, value: number, unit: string) =>
    report.figures.push({ part: 'kills', what: `kills: ${what}`, value, unit });
  for (const table of tables)
    for (const [act, times] of Object.entries(table.acts)) note(act, times, 'rounds');
  note(
    'work items',
    sum(({ tasks }) => tasks),
    'tasks',
  );
  note(
    'runs',
    sum(({ runs }) => runs),
    'runs',
  );
  note(
    'acknowledged by the API',
    sum(({ acknowledged }) => acknowledged),
    'answers',
  );
  for (const fault of ['lost', 'doubled', 'orphans', 'stuck'] as const) {
    const found = all((table) => table[fault]);
    for (const line of found) say(`${fault}: ${line}`);
    report.gates.push({ goal: `kills: ${fault} = 0`, measured: found.length, pass: found.length === 0 });
  }
  const adoption = all(({ adoptionMs }) => adoptionMs);
  const isMeasured = adoption.length > 0;
  if (isMeasured) {
    note('live runs taken over by a restart', adoption.length, 'runs');
    note('taking a live run over, from the start of the process, longest', Math.max(...adoption), 'ms');
  }
  report.gates.push({
    goal: `kills: taking a live run over, from the start of the process, p50 < ${ADOPTION_MS} ms`,
    measured: isMeasured ? median(adoption) : null,
    pass: isMeasured ? median(adoption) < ADOPTION_MS : null,
  });
  return report;
}
