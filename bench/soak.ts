import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TaskWire } from '../src/http/contract.ts';
import { type Installation, install, type Service, waitFor } from '../test/support/orch.ts';
import { commitToBase } from '../test/support/real-claude.ts';
import { type BenchOptions, median, type Report } from './measure.ts';

const AGENT = fileURLToPath(new URL('../src/agents/scripted/demo-agent.mjs', import.meta.url));
const OPEN_PER_PROJECT = 2;
const SLOTS = 4;
const LOOK_MS = 150;
/** Short, or a thousand tasks take hours: all that a task keeps is in it, and its work is merged. */
const PIPELINE =
  '{ stage: development, agent: developer, tools: write }, { stage: review, agent: reviewer, tools: read }, { stage: deploy, kind: deploy, approval: none }';
const SAMPLES = 60;
/** Nothing done for so long is an end too. */
const STANDSTILL_MS = 300_000;
/** What the second half of the way may grow by, told per 1,000 tasks. */
const GROWTH = {
  heapMb: { what: 'heap after gc', unit: 'MB', most: 5 },
  rssMb: { what: 'resident memory', unit: 'MB', most: 25 },
  handles: { what: 'open file handles', unit: 'handles', most: 4 },
} as const;

interface Sample {
  readonly done: number;
  readonly minutes: number;
  readonly heapMb: number;
  readonly rssMb: number;
  readonly handles: number;
  readonly databaseMb: number;
}

/**
 * The real service for a long while: work items of many projects are developed and reviewed by the scripted agent
 * and merged, and the service's memory (after a collection of garbage) and open file handles are to stay where
 * they were.
 */
export async function soak({ tasks, projects, say }: BenchOptions): Promise<Report> {
  const names = Array.from({ length: projects }, (_, i) => `p${i}`);
  const here = install({ env: { ORCH_MAX_CONCURRENCY: String(SLOTS), ORCH_LOG_LEVEL: 'warn' } });
  try {
    prepare(here, names);
    const probe = memoryProbe(here.root);
    const service = await here.up({ ORCH_NODE_OPTIONS: `--import ${probe.preload}` });
    const from = performance.now();
    const samples: Sample[] = [];
    const keys = Array.from({ length: tasks }, (_, i) => ({
      key: `S-${i + 1}`,
      project: names[i % projects] ?? '',
    }));
    const open = new Set<string>();
    let [next, done, movedAt, sampledAt] = [0, 0, performance.now(), 0];
    await sample(0);
    while (done < tasks) {
      while (open.size < OPEN_PER_PROJECT * projects && next < tasks) {
        const item = keys[next++];
        if (item === undefined) break;
        const { key, project } = item;
        await here.submit(`Greet people in ${tongue(next)}`, { key, project });
        open.add(item.key);
      }
      // Asked for in one go: a look at each would be much of what the service does.
      const { tasks: under } = await here.get<{ tasks: TaskWire[] }>(
        '/tasks?status=active,needs_you&limit=1000',
      );
      for (const { key, status, reason } of under)
        if (status === 'needs_you') throw new Error(`${key}: ${reason?.detail}`);
      const still = new Set(under.map(({ key }) => key));
      for (const key of open)
        if (!still.has(key)) {
          open.delete(key);
          done += 1;
          movedAt = performance.now();
        }
      if (done - sampledAt >= tasks / SAMPLES) {
        sampledAt = done;
        await sample(done);
      }
      if (performance.now() - movedAt > STANDSTILL_MS)
        throw new Error(`nothing was done for long; open: ${[...open]}`);
      await sleep(LOOK_MS);
    }
    if (sampledAt !== done) await sample(done);
    return reportOf(samples, { tasks, projects });

    async function sample(at: number): Promise<void> {
      const minutes = (performance.now() - from) / 60_000;
      const databaseMb = statSync(join(here.home, 'orch.db')).size / 2 ** 20;
      const seen = { done: at, minutes, databaseMb, ...(await probe.read(service)) };
      const perMinute =
        at === 0 ? 0 : (at - (samples.at(-1)?.done ?? 0)) / (minutes - (samples.at(-1)?.minutes ?? 0));
      samples.push(seen);
      if (at === 0) say('  tasks done     RSS MB    heap MB    handles database MB   tasks/min');
      say(
        [at, seen.rssMb, seen.heapMb, seen.handles, databaseMb, perMinute]
          .map((value) => (Number.isInteger(value) ? String(value) : value.toFixed(1)).padStart(12 - 1))
          .join(' '),
      );
    }
  } finally {
    await here.remove();
  }
}

function reportOf(
  samples: readonly Sample[],
  { tasks, projects }: { tasks: number; projects: number },
): Report {
  const report: Report = { figures: [], gates: [], skipped: [] };
  const note = (what: string, value: number, unit: string) =>
    report.figures.push({ part: 'soak', what: `soak: ${what}`, value, unit });
  note(`${tasks} tasks over ${projects} projects`, samples.at(-1)?.minutes ?? Number.NaN, 'min');
  const halves = [0, 1].map((n) =>
    samples.filter(({ done }) => done > 0 && (done > tasks / 2 ? 1 : 0) === n),
  );
  for (const [n, half] of halves.entries()) {
    const [first, last] = [half[0], half.at(-1)];
    const which = n === 0 ? 'first half' : 'second half';
    if (first !== undefined && last !== undefined)
      note(`${which}, tasks per minute`, (last.done - first.done) / (last.minutes - first.minutes), '1/min');
    for (const figure of ['heapMb', 'rssMb', 'handles'] as const) {
      const { what, unit } = GROWTH[figure];
      note(`${which}, ${what}`, median(half.map((sample) => sample[figure])), unit);
      note(`${which}, ${what}, growth per 1,000 tasks`, slope(half, figure) * 1000, unit);
    }
  }
  for (const figure of ['heapMb', 'rssMb', 'handles'] as const) {
    const { what, unit, most } = GROWTH[figure];
    const growth = slope(halves[1] ?? [], figure) * 1000;
    report.gates.push({
      goal: `soak: ${what} in the second half grow by <= ${most} ${unit} per 1,000 tasks`,
      measured: growth,
      pass: growth <= most,
    });
  }
  return report;
}

/** What each task adds: the median over all pairs of samples, so that no single one decides. */
function slope(samples: readonly Sample[], figure: keyof typeof GROWTH): number {
  const slopes = samples.flatMap((one, i) =>
    samples.slice(i + 1).map((other) => (other[figure] - one[figure]) / (other.done - one.done)),
  );
  return median(slopes.filter(Number.isFinite));
}

function prepare(here: Installation, names: readonly string[]): void {
  commitToBase(here, {
    'greetings/english.txt': 'Hello, {name}!\n',
    'check.sh': `for file in greetings/*.txt; do grep -q '{name}' "$file" || { echo "$file: {name} is missing"; exit 1; }; done\n`,
  });
  for (const name of names) cpSync(here.repository, join(here.root, `${name}.git`), { recursive: true });
  // The first attempt of the scripted agent fails the real check: a quarter of the tasks goes through that, too.
  const project = (name: string, i: number) =>
    `  ${name}: { repo: ${join(here.root, `${name}.git`)}, accounts: [script], checks: ["${i % 4 === 0 ? 'sh check.sh' : 'true'}"], pipeline: [${PIPELINE}] }`;
  here.writeConfig(`accounts:
  script: { agent: scripted, home: ${here.agentHome}, bin: ${AGENT}, slots: ${SLOTS} }
projects:
${names.map(project).join('\n')}
`);
}

/** A word that the scripted agent takes for a language, and makes a file of: another for every work item. */
function tongue(n: number): string {
  const letters = String(n).replaceAll(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit)));
  return `T${letters}`;
}

/** What the service says of itself after a full collection, asked for by a signal. */
function memoryProbe(root: string) {
  const preload = join(root, 'memory.mjs');
  const answer = join(root, 'memory.json');
  writeFileSync(
    preload,
    `import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
process.on('SIGUSR2', () => {
  gc();
  const { heapUsed, rss } = process.memoryUsage();
  writeFileSync(${JSON.stringify(`${answer}.part`)}, JSON.stringify({ heapUsed, rss }));
  renameSync(${JSON.stringify(`${answer}.part`)}, ${JSON.stringify(answer)});
});
`,
  );
  return {
    preload,
    async read({ pid }: Service): Promise<Pick<Sample, 'heapMb' | 'rssMb' | 'handles'>> {
      rmSync(answer, { force: true });
      process.kill(pid, 'SIGUSR2');
      await waitFor(() => existsSync(answer));
      const { heapUsed, rss } = JSON.parse(readFileSync(answer, 'utf8')) as { heapUsed: number; rss: number };
      return {
        heapMb: heapUsed / 2 ** 20,
        rssMb: rss / 2 ** 20,
        handles: readdirSync(`/proc/${pid}/fd`).length,
      };
    },
  };
}
