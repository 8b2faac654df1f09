import type { Command } from 'commander';
import pc from 'picocolors';
import { AppError } from '../core/errors.ts';
import { stuckFix } from '../core/explain.ts';
import type { DestinationWire, JobWire, StatusWire, TaskDetailWire } from '../http/contract.ts';
import { parseDuration } from '../lib/duration.ts';
import { options, output, server } from './context.ts';
import { mark, printExplain, printHold } from './explain-print.ts';
import { EXIT, Exit, localTime, type Output, state } from './output.ts';
import { pastInstant } from './past-instant.ts';
import { proofText } from './proof.ts';

const REFRESH_MS = 2000;
const POLL_MS = 500;

/** Is work flowing, and if not, why: `status`, `why`, `wait`. */
export function registerStatusCommands(program: Command): void {
  program
    .command('status')
    .description('counts, live runs with their proof of progress, verdict')
    .option('-w, --watch', 'refresh until interrupted')
    .option('--project <key>', 'only this project')
    .option('--check', 'exit 7 when held work needs a person')
    .action(async (_o, command: Command) => {
      const o = options<{ watch?: boolean; check?: boolean; project?: string }>(command);
      const { project } = o;
      const out = output(command);
      const client = await server();
      for (;;) {
        const status = await client.get('/status', { query: { project } });
        if (o.watch === true && process.stdout.isTTY) process.stdout.write('\x1b[2J\x1b[H');
        out.object({ schema: 'orch.status/1', ...status });
        printStatus(out, status);
        if (o.watch !== true) {
          if (o.check === true && status.verdict === 'needs_you') throw new Exit(EXIT.needsYou);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
      }
    });

  program
    .command('why')
    .description('why nothing runs, or why one job or task waits')
    .argument('[key]', 'task, job or run')
    .option('--project <key>', 'only this project')
    .option('--at <time>', 'at this instant instead of now: ISO time, clock time, or how long ago (2h)')
    .action(async (key: string | undefined, _o, command: Command) => {
      const o = options<{ project?: string; at?: string }>(command);
      const out = output(command);
      const client = await server();
      if (o.at !== undefined) return whyAt(out, client, key, o.project, pastInstant(o.at, new Date()));
      if (key !== undefined)
        return whyOne(
          out,
          key,
          await client.get('/jobs/{id}', { params: { id: key } }),
          await taskOf(client, key),
        );
      const explain = await client.get('/explain', { query: { project: o.project } });
      out.object(explain);
      printExplain(out, explain);
      // A sign-in that ends before long holds nothing yet.
      const needsYou = explain.reasons.some(
        ({ code, state }) => state === 'needs_you' && code !== 'account.expiring',
      );
      if (needsYou) throw new Exit(EXIT.needsYou);
    });

  program
    .command('wait')
    .description('block until a task or job has ended')
    .argument('<key>', 'task or job')
    .option('--timeout <duration>', 'give up after this time (exit 3)')
    .action(async (key: string, _o, command: Command) => {
      const o = options<{ timeout?: string }>(command);
      const limit = o.timeout === undefined ? null : parseDuration(o.timeout);
      if (o.timeout !== undefined && limit === null)
        throw new AppError(`--timeout ${o.timeout} is not a duration`, {
          code: 'usage.duration',
          hint: 'such as 30m or 2h',
        });
      const client = await server();
      const out = output(command);
      const deadline = limit === null ? Number.POSITIVE_INFINITY : Date.now() + limit;
      for (;;) {
        const task = await taskOf(client, key);
        const { job } = await client.get('/jobs/{id}', { params: { id: key } });
        const word = task?.status ?? job.status;
        if (word === 'done' || word === 'cancelled' || word === 'failed' || word === 'needs_you') {
          out.object(task === null ? { schema: 'orch.job/1', job } : { schema: 'orch.task/1', task });
          out.text(`${key} ${state(word)}`);
          if (word !== 'done') throw new Exit(EXIT.unsuccessful);
          return;
        }
        if (Date.now() >= deadline) throw new Exit(EXIT.cancelled);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    });
}

async function taskOf(
  client: Awaited<ReturnType<typeof server>>,
  key: string,
): Promise<TaskDetailWire | null> {
  return client.get('/tasks/{key}', { params: { key } }).then(
    ({ task }) => task,
    (error: unknown) => {
      if (error instanceof AppError && error.code === 'not_found') return null;
      throw error;
    },
  );
}

function whyOne(out: Output, key: string, { job }: { job: JobWire }, task: TaskDetailWire | null): void {
  out.object({
    schema: 'orch.why/1',
    task: task === null ? null : { key: task.key, status: task.status, reason: task.reason },
    job,
  });
  out.text(`${key}  ${state(task?.status === 'active' ? job.status : (task?.status ?? job.status))}`);
  if (job.hold !== null) {
    // The task's own words name the commit, or the tests to tick.
    const detail = task?.reason?.code === job.hold.code ? task.reason.detail : job.hold.detail;
    printHold(out, job.hold, detail);
  } else if (task?.reason != null) out.text(`  ${task.reason.detail}\n  fix  ${stuckFix(task)}`);
  else if (job.error !== null) out.text(`  ${job.error}`);
  if ((job.hold?.state ?? (task?.status === 'needs_you' ? 'needs_you' : 'waiting')) === 'needs_you')
    throw new Exit(EXIT.needsYou);
}

/** What the ledger says of an instant before. */
async function whyAt(
  out: Output,
  client: Awaited<ReturnType<typeof server>>,
  key: string | undefined,
  project: string | undefined,
  at: Date,
): Promise<void> {
  const query = { at: at.toISOString() };
  if (key === undefined) {
    const explain = await client.get('/explain', { query: { ...query, project } });
    out.object(explain);
    out.text(pc.dim(localTime(at.toISOString())));
    printExplain(out, explain);
    return;
  }
  const why = await client.get('/why/{key}', { params: { key }, query });
  out.object(why);
  const { job } = why;
  const word = job === null ? 'was not there yet' : state(job.status);
  out.text(`${key}  ${word}  ${pc.dim(`at ${localTime(why.at)}`)}`);
  if (job === null) return;
  if (job.run !== null) out.text(`  ${job.run} was live`);
  if (job.hold !== null) printHold(out, job.hold, job.hold.detail);
}

function printStatus(out: Output, status: StatusWire): void {
  out.text(`${mark(status.verdict)} ${pc.bold(status.headline)}`);
  if (status.configProblem !== null)
    out.text(`${pc.yellow('▲')} orch.yaml is not in force, the last good one stays: ${status.configProblem}`);
  for (const { problem } of status.pipelineProblems) out.text(`${pc.yellow('▲')} ${problem}`);
  for (const { title, fix } of status.warnings) out.text(`${pc.yellow('▲')} ${title}: ${fix}`);
  for (const { channel, problem } of status.chats)
    out.text(`${pc.yellow('▲')} ${channel} is not heard: ${problem}`);
  if (status.outbox.length > 0) out.text(outboxLine(status.outbox));
  for (const { run, job, lastOutputAt, proof } of status.running)
    out.text(
      `  ${run.id}  ${job.task ?? job.id} ${job.stage ?? job.agent ?? ''}  on ${run.account ?? '–'}  since ${localTime(run.startedAt)}, last output ${localTime(lastOutputAt)}${proofText(proof)}`,
    );
  const counts = Object.entries(status.tasks).map(([word, n]) => `${n} ${word.replace('_', ' ')}`);
  out.text(pc.dim(`  tasks: ${counts.join(', ')}`));
}

function outboxLine(destinations: readonly DestinationWire[]): string {
  const dead = destinations.filter((each) => each.dead > 0);
  const count = dead.reduce((n, each) => n + each.dead, 0);
  const words = [
    ...(count === 0
      ? []
      : [
          `${count} ${count === 1 ? 'message was' : 'messages were'} given up (${dead.map((each) => `${each.name} ${each.dead}`).join(', ')})`,
        ]),
    ...destinations
      .filter((each) => each.unansweredSince !== null)
      .map((each) => `${each.name} has not answered since ${localTime(each.unansweredSince)}`),
  ];
  return `${pc.yellow('▲')} ${words.join('; ')}: orch outbox`;
}
