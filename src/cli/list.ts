import type { Command } from 'commander';
import { FULL } from '../core/pipeline-choice.ts';
import type { JobWire, TaskWire } from '../http/contract.ts';
import { wholeNumber } from './actions.ts';
import { options, output, server } from './context.ts';
import { localTime, state, table } from './output.ts';
import { proofText } from './proof.ts';
import { traceLines } from './trace.ts';

/** Lists and single objects: `orch jobs`, `orch job show ID`, and the same for runs and tasks. */
export function registerListCommands(program: Command): void {
  list(program, 'jobs', 'jobs in the queue and behind it', async ({ part, status }, command) => {
    const page = await (await server()).get('/jobs', { query: { ...part, status } });
    const out = output(command);
    out.object({ schema: 'orch.jobs/1', ...page });
    out.text(
      table(
        ['JOB', 'TASK', 'STAGE', 'ACCOUNT', 'STATE', 'WHY'],
        page.jobs.map((j) => [
          j.id,
          j.task ?? '–',
          j.stage ?? j.agent ?? '–',
          j.account ?? '–',
          stateOf(j),
          whyOf(j),
        ]),
      ),
    );
  }).option('--state <list>', 'queued,running,done,failed,cancelled');
  list(program, 'runs', 'runs, one a line', async ({ part, task, job }, command) => {
    const page = await (await server()).get('/runs', { query: { ...part, task, job } });
    const out = output(command);
    out.object({ schema: 'orch.runs/1', ...page });
    out.text(
      table(
        ['RUN', 'JOB', 'ROLE', 'ACCOUNT', 'STARTED', 'VERDICT', 'REASON'],
        page.runs.map((r) => [
          r.id,
          r.jobId,
          r.agent ?? '–',
          r.account ?? '–',
          localTime(r.startedAt),
          r.verdict ?? r.status,
          firstLine(r.reason),
        ]),
      ),
    );
  })
    .option('--task <key>', 'runs of one task')
    .option('--job <id>', 'runs of one job');
  list(program, 'tasks', 'work items taken on', async ({ part, status }, command) => {
    const page = await (await server()).get('/tasks', { query: { ...part, status } });
    const out = output(command);
    out.object({ schema: 'orch.tasks/1', ...page });
    out.text(
      table(
        ['TASK', 'STAGE', 'STATE', 'COST', 'TITLE'],
        page.tasks.map((t) => [
          t.key,
          t.stage,
          `${state(t.status)}${mark(t.urgent && (t.status === 'active' || t.status === 'needs_you'))}`,
          costText(t),
          t.title,
        ]),
      ),
    );
  }).option('--state <list>', 'active,needs_you,done,cancelled');

  one(program, 'job', async (id, command) => {
    const { job } = await (await server()).get('/jobs/{id}', { params: { id } });
    const out = output(command);
    out.object({ schema: 'orch.job/1', job });
    out.text(
      `${job.id}  ${stateOf(job)}  ${job.task ?? job.project} ${job.stage ?? job.agent ?? ''}  attempts ${job.attempts} of ${job.maxAttempts}, transient ${job.transientAttempts}, lost ${job.lostAttempts}`,
    );
    if (job.error !== null) out.text(`  last error: ${job.error}`);
    if (job.hold !== null)
      out.text(
        `  ${job.hold.title}. ${job.hold.clearsWhen}${job.hold.fix === null ? '' : `\n  fix  ${job.hold.fix}`}`,
      );
  });
  one(program, 'run', async (id, command) => {
    const { run, proof, gates } = await (await server()).get('/runs/{id}', {
      params: { id },
      query: { look: '1' },
    });
    const out = output(command);
    out.object({ schema: 'orch.run/1', run, proof, gates });
    out.text(`${run.id}  ${run.verdict ?? run.status}  ${run.reason ?? ''}`);
    out.text(
      `  ${run.agent ?? '–'} on ${run.account ?? '–'}, ${run.cli === null ? 'no CLI' : `${run.cli.kind} ${run.cli.version ?? ''}`}, exit ${run.exitCode ?? run.signal ?? '–'}`,
    );
    out.text(
      `  ${run.usage.inputTokens} tokens in, ${run.usage.outputTokens} out, ${run.usage.costUsd === null ? 'cost unknown' : `$${run.usage.costUsd.toFixed(4)}`}`,
    );
    if (proof !== null) out.text(`  works: ${proofText(proof).slice(2) || 'nothing is known yet'}`);
    if (gates.length > 0)
      out.text(`  gates passed ${localTime(run.startedAt)}: ${gates.map(({ text }) => text).join(', ')}`);
    out.text(`  log  ${run.logPath}`);
  });
  one(program, 'task', async (key, command) => {
    const { task } = await (await server()).get('/tasks/{key}', { params: { key } });
    const out = output(command);
    out.object({ schema: 'orch.task/1', task });
    out.text(`${task.key}  ${state(task.status)}  ${task.title}`);
    out.text(
      `  ${task.pipeline === FULL ? '' : `pipeline ${task.pipeline}, `}stage ${task.stage}, branch ${task.branch}, ${task.pr === null ? 'no pull request yet' : `pull request ${task.pr.number} ${task.pr.state}`}, ${costText(task)}`,
    );
    if (task.tracker !== null) out.text(`  item  ${task.tracker.url}`);
    if (task.reason !== null) out.text(`  ${task.reason.detail}`);
    if (task.trace !== null) out.text(traceLines(task.trace, task.key));
    for (const job of task.jobs)
      out.text(`  ${job.id}  ${job.stage ?? ''}  ${stateOf(job)}  ${job.error ?? ''}`.trimEnd());
    for (const run of task.runs)
      out.text(`    ${run.id}  ${run.verdict ?? run.status}  ${firstLine(run.reason)}`);
  });
}

interface Listed {
  /** Which part of the list, as every list takes it. */
  readonly part: {
    readonly project: string | undefined;
    readonly limit: number;
    readonly after: string | undefined;
  };
  readonly status: string | undefined;
  readonly task: string | undefined;
  readonly job: string | undefined;
}

function list(
  program: Command,
  noun: string,
  description: string,
  print: (asked: Listed, command: Command) => Promise<void>,
): Command {
  return program
    .command(noun)
    .description(description)
    .argument('[list]', 'the noun alone lists too')
    .option('--project <key>', 'only this project')
    .option('--limit <n>', 'how many at most', wholeNumber, 100)
    .option('--after <n>', 'go on after this number (the last page told it as next)')
    .action(async (_list: string | undefined, _o, command: Command) => {
      const o = options<{
        project?: string;
        limit: number;
        after?: string;
        state?: string;
        task?: string;
        job?: string;
      }>(command);
      const part = { project: o.project, limit: o.limit, after: o.after };
      await print({ part, status: o.state, task: o.task, job: o.job }, command);
    });
}

/** `orch job show ID`, and `orch job ID` for short. */
function one(program: Command, noun: string, print: (id: string, command: Command) => Promise<void>): void {
  program
    .command(noun)
    .description(`show one ${noun}`)
    .argument('<show-or-id>')
    .argument('[id]')
    .action(async (first: string, second: string | undefined, _o, command: Command) => {
      const id = second === undefined ? first : second;
      await print(/^\d+$/.test(id) && noun !== 'task' ? `${noun}_${id}` : id, command);
    });
}

function stateOf(job: JobWire): string {
  const isNext = job.status !== 'queued' || job.hold === null || job.hold.code === 'queue.position';
  return `${state(isNext ? job.status : (job.hold?.state ?? job.status))}${mark(job.urgent && (job.status === 'queued' || job.status === 'running'))}`;
}

/** Shown while it matters. */
function mark(urgent: boolean): string {
  return urgent ? ', urgent' : '';
}

function whyOf(job: JobWire): string {
  return job.hold === null ? firstLine(job.error) : job.hold.title;
}

function firstLine(text: string | null): string {
  return (text ?? '').split('\n')[0] ?? '';
}

/** What is known of the cost; a run that told none is counted, never taken for $0. */
function costText({ costUsd, unknownCosts }: Pick<TaskWire, 'costUsd' | 'unknownCosts'>): string {
  const unknown = unknownCosts === 0 ? '' : ` + ${unknownCosts} unknown`;
  return `$${costUsd.toFixed(2)}${unknown}`;
}
