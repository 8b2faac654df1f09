import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { AppError, messageOf } from '../core/errors.ts';
import { URGENT_EVERY } from '../core/fairness.ts';
import { FULL, SIZES } from '../core/pipeline-choice.ts';
import type { ChangedWire } from '../http/contract.ts';
import { parseDuration } from '../lib/duration.ts';
import type { Client } from './client.ts';
import { options, output, server } from './context.ts';
import { state } from './output.ts';

const URGENT_HELP = `goes first; at most 1 of ${URGENT_EVERY} starts takes it before the turn of other projects`;

/** What people do to work: submit, enqueue, decide, retry, cancel, pause. */
export function registerActionCommands(program: Command): void {
  program
    .command('submit')
    .description('put a work item on the board and start its pipeline')
    .requiredOption('--project <key>', 'project key')
    .requiredOption('--title <text>', 'title of the item')
    .option('--body <text>', 'description')
    .option('--body-file <file>', 'description from a file')
    .option('--stage <stage>', 'start at this stage')
    .option('--key <key>', 'key of the item, such as API-12')
    .option('--priority <n>', 'higher goes first inside the project', wholeNumber, 0)
    .option('--urgent', URGENT_HELP)
    .option('--label <label>', 'label of the item; may be repeated', collect, [])
    .addOption(new Option('--size <size>', 'size of the item').choices(SIZES))
    .option('--pipeline <name>', 'walk this pipeline, whatever labels and size say')
    .action(async (_o, command: Command) => {
      const o = options<{
        project: string;
        title: string;
        body?: string;
        bodyFile?: string;
        stage?: string;
        key?: string;
        priority: number;
        urgent?: boolean;
        label: string[];
        size?: (typeof SIZES)[number];
        pipeline?: string;
      }>(command);
      const body = o.bodyFile === undefined ? (o.body ?? '') : await readBody(o.bodyFile);
      const { task, created } = await (await server()).post('/items', {
        body: {
          project: o.project,
          title: o.title,
          body,
          stage: o.stage ?? null,
          key: o.key ?? null,
          priority: o.priority,
          urgent: o.urgent ?? false,
          labels: o.label,
          size: o.size ?? null,
          pipeline: o.pipeline ?? null,
        },
      });
      const out = output(command);
      out.text(
        created
          ? `${task.key} submitted, ${task.pipeline === FULL ? '' : `pipeline ${task.pipeline}, `}stage ${task.stage}`
          : `${task.key} is already here, ${task.status}`,
      );
      out.object({ schema: 'orch.task/1', task, created });
    });

  program
    .command('enqueue')
    .description('queue one job without a task: a role, a repository, a branch of its own')
    .requiredOption('--agent <role>', 'role, such as developer')
    .requiredOption('--repo <project>', "project key or its repository's base name")
    .option('--max-attempts <n>', 'budget of attempts', wholeNumber)
    .option('--priority <n>', 'higher goes first inside the project', wholeNumber, 0)
    .option('--urgent', URGENT_HELP)
    .option('--note <text>', 'what the agent is to do')
    .action(async (_o, command: Command) => {
      const o = options<{
        agent: string;
        repo: string;
        maxAttempts?: number;
        priority: number;
        urgent?: boolean;
        note?: string;
      }>(command);
      const { job } = await (await server()).post('/jobs', {
        body: {
          agent: o.agent,
          repo: o.repo,
          maxAttempts: o.maxAttempts ?? null,
          priority: o.priority,
          urgent: o.urgent ?? false,
          note: o.note ?? null,
        },
      });
      const out = output(command);
      out.text(`${job.id} queued for ${job.project} on ${job.branch}`);
      out.object({ schema: 'orch.job/1', job });
    });

  decision(program, 'approve', 'let a waiting stage start').option(
    '--commit <sha>',
    'only if the head is still this commit',
  );
  decision(program, 'reject', 'send the task back with a reason').option(
    '--reason <text>',
    'goes to the agent and the tracker',
  );
  decision(program, 'retry', 'new attempt; budgets are refilled')
    .option('--note <text>', 'for the agent')
    .option('--from-stage <stage>', 'go on from an earlier stage')
    .option('--account <id>', 'on another account')
    .option('--all-failed', 'every task whose job has failed');
  decision(program, 'cancel', 'end a task, a job or a run; branch and worktree are kept').option(
    '--now',
    'kill at once',
  );
  program
    .command('answer')
    .description("answer an agent's question; its session goes on")
    .argument('<key>', 'task, job or run')
    .argument('<text>', 'the answer')
    .action(async (key: string, text: string, _o, command: Command) => {
      const changed = await (await server()).post('/answer', { body: { target: key, note: text } });
      tell(command, changed, 'answered');
      output(command).object({ schema: 'orch.job/1', ...changed });
    });

  program
    .command('comment')
    .description('say something to whoever works on the task next; it stands on its item too')
    .argument('<key>', 'task')
    .argument('<text>', 'what there is to say')
    .action(async (key: string, text: string, _o, command: Command) => {
      const changed = await (await server()).post('/comment', { body: { target: key, note: text } });
      tell(command, changed, 'commented');
      output(command).object({ schema: 'orch.task/1', ...changed });
    });

  program
    .command('tick')
    .description('say that a person has looked at manual tests')
    .argument('<key>', 'task')
    .argument('<test...>', 'manual tests, such as TC-3')
    .action(async (key: string, tests: string[], _o, command: Command) => {
      const changed = await (await server()).post('/tick', { body: { target: key, tests } });
      tell(command, changed, `ticked ${tests.join(', ')}`);
      output(command).object({ schema: 'orch.task/1', ...changed });
    });

  program
    .command('urgent')
    .description('let a task or job go first; its project pays the turns back')
    .argument('<key>', 'task, job or run')
    .option('--off', 'back to its usual place')
    .action(async (key: string, _o, command: Command) => {
      const urgent = options<{ off?: boolean }>(command).off !== true;
      const changed = await (await server()).post('/urgent', { body: { target: key, urgent } });
      tell(command, changed, urgent ? 'is urgent' : 'is no longer urgent');
      output(command).object({ schema: 'orch.job/1', ...changed });
    });

  for (const name of ['pause', 'resume'] as const) {
    const command = program
      .command(name)
      .description(name === 'pause' ? 'start nothing new; live runs go on' : 'dispatch again')
      .option('--project <key>')
      .option('--account <id>');
    if (name === 'pause')
      command.option('--for <duration>', 'ends by itself, such as 2h').option('-m, --message <note>', 'why');
    command.action(async (_o, self: Command) => {
      const o = options<{ project?: string; account?: string; for?: string; message?: string }>(self);
      const result = await (await server()).post(`/${name}`, {
        body: {
          ...scopeOf(o),
          note: o.message ?? '',
          forMs: o.for === undefined ? null : durationOf(o.for),
        },
      });
      const out = output(self);
      const { scope, id } = scopeOf(o);
      out.text(
        `${scope === 'all' ? 'dispatch' : `${scope} ${id}`} ${name === 'pause' ? 'paused' : 'resumed'}`,
      );
      out.object({ schema: `orch.${name}/1`, ...result });
    });
  }
}

function decision(
  program: Command,
  name: 'approve' | 'reject' | 'retry' | 'cancel',
  description: string,
): Command {
  return program
    .command(name)
    .description(description)
    .argument('[key...]', 'task, job or run')
    .action(async (named: string[], _o, command: Command) => {
      const o = options<{
        commit?: string;
        reason?: string;
        note?: string;
        fromStage?: string;
        account?: string;
        now?: boolean;
        allFailed?: boolean;
      }>(command);
      if (named.length === 0 && o.allFailed !== true)
        throw new AppError(`${name} what?`, {
          code: 'usage.key_missing',
          hint: `orch ${name} KEY: a task, job or run`,
        });
      const client = await server();
      const keys = o.allFailed === true ? await failedJobs(client) : named;
      const all: ChangedWire[] = [];
      for (const target of keys) {
        const changed = await client.post(`/${name}`, {
          body: {
            target,
            commit: o.commit ?? null,
            reason: o.reason ?? null,
            note: o.note ?? null,
            fromStage: o.fromStage ?? null,
            account: o.account ?? null,
            now: o.now ?? false,
          },
        });
        all.push(changed);
        tell(command, changed, PAST[name]);
      }
      const out = output(command);
      const [only] = all;
      if (only !== undefined && all.length === 1) out.object({ schema: 'orch.job/1', ...only });
      else out.object({ schema: 'orch.jobs/1', jobs: all.map(({ job }) => job), next: null });
      if (all.length === 0) out.text('nothing has failed');
    });
}

const PAST = { approve: 'approved', reject: 'rejected', retry: 'queued again', cancel: 'cancelled' } as const;

/** The failed jobs that their tasks still wait on. */
async function failedJobs(client: Client): Promise<string[]> {
  const { jobs } = await client.get('/jobs', { query: { status: 'failed', limit: 1000 } });
  const { tasks } = await client.get('/tasks', { query: { status: 'needs_you', limit: 1000 } });
  const waiting = new Map(tasks.map((task) => [task.key, task.stage]));
  return jobs
    .filter((job) => job.task === null || waiting.get(job.task) === job.stage)
    .map((job) => job.task ?? job.id)
    .filter((key, at, all) => all.indexOf(key) === at);
}

function tell(command: Command, changed: ChangedWire, did: string): void {
  const name = changed.task?.key ?? changed.job.id;
  output(command).text(`${name} ${did}: ${state(changed.task?.status ?? changed.job.status)}`);
}

export function scopeOf(o: { project?: string; account?: string }): {
  scope: 'all' | 'project' | 'account';
  id: string;
} {
  if (o.project !== undefined && o.account !== undefined)
    throw new AppError('--project and --account exclude each other', {
      code: 'usage.scope',
      hint: 'name one of them',
    });
  if (o.project !== undefined) return { scope: 'project', id: o.project };
  return o.account === undefined ? { scope: 'all', id: '' } : { scope: 'account', id: o.account };
}

async function readBody(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new AppError(`cannot read --body-file ${file}: ${messageOf(error)}`, {
      code: 'usage.body_file',
      hint: 'name a readable text file',
    });
  });
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === null || ms <= 0)
    throw new AppError(`--for ${text} is not a duration`, {
      code: 'usage.duration',
      hint: 'such as 30m or 2h',
    });
  return ms;
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

export function wholeNumber(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is needed');
  return Number(text);
}
