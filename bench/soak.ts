import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
const SAMPLES = 60;
/** Samples before this part of the way are left out: caches fill, code is compiled. */
const WARM_UP = 0.1;
/** Nothing done for so long is an end too. */
const STANDSTILL_MS = 300_000;
/** What the last third may be above the first: the larger of a factor and a step that noise makes. */
const GROWTH = {
  heapMb: { factor: 1.2, step: 8 },
  rssMb: { factor: 1.2, step: 40 },
  handles: { factor: 1.2, step: 8 },
};

interface Sample {
  readonly done: number;
  readonly heapMb: number;
  readonly rssMb: number;
  readonly handles: number;
}

/**
 * The real service for a long while: work items of many projects walk the whole pipeline with the scripted
 * agent, and the service's memory (after a collection of garbage) and open file handles are to stay where they were.
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
    let [next, done, movedAt, sampledAt] = [0, 0, performance.now(), Number.NEGATIVE_INFINITY];
    while (done < tasks) {
      while (open.size < OPEN_PER_PROJECT * projects && next < tasks) {
        const item = keys[next++];
        if (item === undefined) break;
        const title = `Greet people in ${tongue(next)}`;
        const answer = await here.post<{ task: TaskWire }>('/items', { ...item, title });
        if ('code' in answer) throw new Error(`${item.key} was not taken on: ${answer.code}`);
        open.add(item.key);
      }
      for (const key of [...open]) {
        const task = await here.task(key);
        if (task.status === 'done') {
          open.delete(key);
          done += 1;
          movedAt = performance.now();
        } else if (task.reason?.code === 'approval.pending')
          await here.post('/approve', { target: key, commit: task.head });
        else if (task.status !== 'active') throw new Error(`${key}: ${task.reason?.detail}`);
      }
      if (done - sampledAt >= tasks / SAMPLES) {
        sampledAt = done;
        samples.push({ done, ...(await probe.read(service)) });
        const last = samples.at(-1);
        say(
          `${done} of ${tasks} done, heap ${last?.heapMb.toFixed(1)} MB, RSS ${last?.rssMb.toFixed(0)} MB, ${last?.handles} handles`,
        );
      }
      if (performance.now() - movedAt > STANDSTILL_MS)
        throw new Error(`nothing was done for long; open: ${[...open]}`);
      await sleep(LOOK_MS);
    }
    samples.push({ done, ...(await probe.read(service)) });
    const seconds = (performance.now() - from) / 1000;
    return reportOf(samples, { tasks, projects, seconds });
  } finally {
    await here.remove();
  }
}

function reportOf(
  samples: readonly Sample[],
  { tasks, projects, seconds }: { tasks: number; projects: number; seconds: number },
): Report {
  const report: Report = { figures: [], gates: [], skipped: [] };
  const note = (what: string, value: number, unit: string) =>
    report.figures.push({ part: 'soak', what: `soak: ${what}`, value, unit });
  note(`${tasks} tasks over ${projects} projects`, seconds, 's');
  const warm = samples.filter((sample) => sample.done >= tasks * WARM_UP);
  const third = (n: number) => warm.filter((_, i) => Math.min(2, Math.floor((i * 3) / warm.length)) === n);
  for (const [of, unit] of [
    ['heapMb', 'MB'],
    ['rssMb', 'MB'],
    ['handles', 'handles'],
  ] as const) {
    const [first = Number.NaN, middle = Number.NaN, last = Number.NaN] = [0, 1, 2].map((n) =>
      median(third(n).map((sample) => sample[of])),
    );
    note(`${WHAT[of]}, first third`, first, unit);
    note(`${WHAT[of]}, second third`, middle, unit);
    note(`${WHAT[of]}, last third`, last, unit);
    const most = Math.max(first * GROWTH[of].factor, first + GROWTH[of].step);
    report.gates.push({
      goal: `soak: ${WHAT[of]} of the last third <= ${GROWTH[of].factor} x the first, or ${GROWTH[of].step} more`,
      measured: last / first,
      pass: last <= most,
    });
  }
  return report;
}

const WHAT = { heapMb: 'heap after gc', rssMb: 'resident memory', handles: 'open file handles' } as const;

function prepare(here: Installation, names: readonly string[]): void {
  commitToBase(here, {
    'greetings/english.txt': 'Hello, {name}!\n',
    'check.sh': `for file in greetings/*.txt; do grep -q '{name}' "$file" || { echo "$file: {name} is missing"; exit 1; }; done\n`,
  });
  for (const name of names) cpSync(here.repository, join(here.root, `${name}.git`), { recursive: true });
  here.writeConfig(`accounts:
  script: { agent: scripted, home: ${here.agentHome}, bin: ${AGENT}, slots: ${SLOTS} }
projects:
${names.map((name) => `  ${name}: { repo: ${join(here.root, `${name}.git`)}, accounts: [script], checks: ["sh check.sh"] }`).join('\n')}
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
    async read({ pid }: Service): Promise<Omit<Sample, 'done'>> {
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
