import { access, open } from 'node:fs/promises';
import { type Context, Hono } from 'hono';
import { codeOfHold } from '../../core/account-gate.ts';
import { AppError } from '../../core/errors.ts';
import type { JobAt } from '../../core/ledger.ts';
import { type Job, jobName, type Run, runName } from '../../core/model.ts';
import type { AccountWire, WhyAtWire } from '../contract.ts';
import { explainedToWire, explainToWire } from '../explain-wire.ts';
import type { AppEnv, HttpOptions } from '../server.ts';
import { holdToWire, iso, isoOrNull, jobToWire, runToWire, taskToWire, warningToWire } from '../wire.ts';
import { destinationsToWire } from './outbox.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const LOG_CHUNK_BYTES = 256 * 1024;

/** Everything that only looks. */
export function readRoutes({ engine, version, web, configProblem }: HttpOptions) {
  const routes = new Hono<AppEnv>();
  const { store } = engine;

  const wireOf = async (job: Job) => {
    const task = job.taskId === null ? null : await store.taskById(job.taskId);
    return jobToWire(job, task?.key ?? null, await engine.reason(job));
  };

  routes.get('/version', (c) => c.json({ version, page: web.build }));
  routes.get('/explain', async (c) => {
    const { project, job, task } = c.req.query();
    const named = task ?? job;
    const of = named === undefined ? { project: project ?? null } : (await targetNamed(named)).id;
    const at = instant(c.req.query('at'));
    if (at !== null) return c.json(explainedToWire(await engine.explainAt(at, of), at, Date.now()));
    return c.json(explainToWire(await engine.explain(of)));
  });
  routes.get('/why/:key', async (c) => {
    const at = instant(c.req.query('at')) ?? Date.now();
    const target = await targetNamed(c.req.param('key'));
    const { job, was } = await engine.at(target.id, at);
    const wire: WhyAtWire = {
      schema: 'orch.why/1',
      at: iso(at),
      task: target.key,
      job: job === null || was.kind === 'absent' ? null : jobThen(job, was),
    };
    return c.json(wire);
  });
  routes.get('/status', async (c) => {
    const project = c.req.query('project');
    const { explanation, counts, state, now } = await engine.explain({
      project: project ?? null,
    });
    const running = (await store.running()).filter(
      ({ job }) => project === undefined || job.project === project,
    );
    return c.json({
      verdict: explanation.verdict,
      headline: explanation.headline,
      configProblem: configProblem(),
      pipelineProblems: engine.pipelineProblems(),
      warnings: engine.warnings().map(warningToWire),
      schedulerTickAgeMs: state === null ? null : now - state.tickAt,
      jobs: counts.jobs,
      tasks: counts.tasks,
      outbox: destinationsToWire(
        (await engine.letters.troubles()).filter(
          ({ name }) => project === undefined || name === 'notify' || name.endsWith(`:${project}`),
        ),
        now,
      ),
      running: await Promise.all(
        running.map(async ({ run, job }) => ({
          run: runToWire(run),
          job: await wireOf(job),
          lastOutputAt: isoOrNull(await engine.lastOutputAt(run)),
        })),
      ),
    });
  });

  routes.get('/jobs', async (c) => {
    const status = list(
      c.req.query('status'),
      ['queued', 'running', 'done', 'failed', 'cancelled'] as const,
      'status',
    );
    const project = c.req.query('project');
    const page = await store.jobs({
      ...paging(c),
      ...(status === null ? {} : { status }),
      ...(project === undefined ? {} : { project }),
    });
    return c.json({ jobs: await Promise.all(page.items.map(wireOf)), next: page.next });
  });
  routes.get('/jobs/:id', async (c) => c.json({ job: await wireOf(await jobNamed(c.req.param('id'))) }));

  routes.get('/runs', async (c) => {
    const task = c.req.query('task');
    const job = c.req.query('job');
    const taskId = task === undefined ? undefined : (await taskNamed(task)).id;
    const page = await store.runs({
      ...paging(c),
      ...(taskId === undefined ? {} : { taskId }),
      ...(job === undefined ? {} : { jobId: (await jobNamed(job)).id }),
    });
    return c.json({ runs: page.items.map(runToWire), next: page.next });
  });
  routes.get('/runs/:id', async (c) => c.json({ run: runToWire(await runNamed(c.req.param('id'))) }));
  /** Bytes of a run's log from an offset; `end` tells whether more may come. */
  routes.get('/runs/:id/log', async (c) => {
    const run = await runNamed(c.req.param('id'));
    const after = Math.max(0, Number(c.req.query('after') ?? 0) || 0);
    const { text, next, size } = await readLog(await logOf(run), after);
    return c.json({ text, next, size, ended: run.status === 'ended' });
  });

  routes.get('/tasks', async (c) => {
    const status = list(
      c.req.query('status'),
      ['active', 'needs_you', 'done', 'cancelled'] as const,
      'status',
    );
    const project = c.req.query('project');
    const page = await store.tasks({
      ...paging(c),
      ...(status === null ? {} : { status }),
      ...(project === undefined ? {} : { project }),
    });
    return c.json({ tasks: page.items.map(taskToWire), next: page.next });
  });
  routes.get('/tasks/:key', async (c) => {
    const task = await taskNamed(c.req.param('key'));
    const [jobs, runs] = await Promise.all([
      store.jobs({ taskId: task.id, limit: MAX_LIMIT }),
      store.runs({ taskId: task.id, limit: MAX_LIMIT }),
    ]);
    return c.json({
      task: {
        ...taskToWire(task),
        body: task.body,
        jobs: await Promise.all(jobs.items.map(wireOf)),
        runs: runs.items.map(runToWire),
      },
    });
  });

  routes.get('/accounts', async (c) => {
    const accounts = await engine.accounts();
    return c.json({
      accounts: accounts.map(({ entry, state, signIn, gate, cli, warnings }): AccountWire => {
        const hold = state?.hold ?? null;
        const closed =
          gate?.kind === 'closed'
            ? {
                code: gate.code,
                since: isoOrNull(gate.since),
                until: isoOrNull(gate.clearsAt),
                guessed: gate.guessed,
                probeAt: isoOrNull(gate.probeAt),
                detail: gate.detail,
              }
            : null;
        return {
          id: entry.account.id,
          agent: entry.agent.kind,
          home: entry.account.home,
          signIn: {
            state: signIn.state,
            source: signIn.source,
            expiresAt: isoOrNull(signIn.expiresAt),
            detail: signIn.detail,
          },
          hold:
            hold === null
              ? closed
              : {
                  code: codeOfHold(hold),
                  since: iso(hold.since),
                  until: closed?.until ?? isoOrNull(hold.until),
                  guessed: hold.guessed,
                  probeAt: closed?.probeAt ?? null,
                  detail: hold.detail,
                },
          cli: {
            version: cli.version,
            proven: cli.proven,
            lastGood:
              cli.pinned === null
                ? null
                : {
                    version: cli.pinned.version,
                    bin: cli.pinned.bin,
                    insteadOf: cli.pinned.insteadOf.bin,
                    by: cli.pinned.by,
                    since: iso(cli.pinned.since),
                  },
          },
          breaker: {
            state: state?.breaker.state ?? 'closed',
            failures: state?.breaker.failures ?? 0,
            probeAt: isoOrNull(state?.breaker.probeAt ?? null),
          },
          slots: entry.slots,
          running: gate?.running ?? 0,
          windows: (state?.windows ?? []).map((w) => ({
            name: w.name,
            utilization: w.utilization,
            resetAt: isoOrNull(w.resetAt),
            seenAt: iso(w.seenAt),
          })),
          warnings: warnings.map(warningToWire),
          loginCommand: entry.agent.loginCommand(entry.account),
        };
      }),
    });
  });

  async function jobNamed(name: string): Promise<Job> {
    const target = await engine.targetOf(/^\d+$/.test(name) ? `job_${name}` : name);
    const found = target.kind === 'job' ? await store.job(target.id) : await latestJob(target.key);
    if (found === null)
      throw new AppError(`there is no job ${name}`, { code: 'not_found', hint: 'orch jobs' });
    return found;
  }
  async function targetNamed(
    name: string,
  ): Promise<{ key: string | null; id: { jobId: number } | { taskId: number } }> {
    const target = await engine.targetOf(/^\d+$/.test(name) ? `job_${name}` : name);
    if (target.kind === 'task') {
      const task = await taskNamed(name);
      return { key: task.key, id: { taskId: task.id } };
    }
    const job = await jobNamed(name);
    const task = job.taskId === null ? null : await store.taskById(job.taskId);
    return { key: task?.key ?? null, id: { jobId: job.id } };
  }
  async function latestJob(key: string): Promise<Job | null> {
    const task = await taskNamed(key);
    return (await store.jobs({ taskId: task.id, limit: MAX_LIMIT })).items.at(-1) ?? null;
  }
  async function runNamed(name: string): Promise<Run> {
    const id = /^(?:run_)?(\d+)$/.exec(name)?.[1];
    const found = id === undefined ? await latestRun(name) : await store.run(Number(id));
    if (found === null)
      throw new AppError(`there is no run ${name}`, { code: 'not_found', hint: 'orch runs' });
    return found;
  }
  async function latestRun(name: string): Promise<Run | null> {
    const job = await jobNamed(name);
    const filter = job.taskId === null ? { jobId: job.id } : { taskId: job.taskId };
    const { items } = await store.runs({ ...filter, limit: MAX_LIMIT });
    return items.findLast((run) => run.agent !== null) ?? items.at(-1) ?? null;
  }
  async function taskNamed(key: string) {
    const target = await engine.targetOf(key);
    const job = target.kind === 'job' ? await store.job(target.id) : null;
    const found =
      target.kind === 'task'
        ? await store.task(target.key)
        : job?.taskId == null
          ? null
          : await store.taskById(job.taskId);
    if (found === null)
      throw new AppError(`there is no task ${key}`, { code: 'not_found', hint: 'orch tasks' });
    return found;
  }
  return routes;
}

/** An agent's log, or that of the command of a stage that runs no agent. */
async function logOf(run: Run): Promise<string> {
  const own = `${run.directory}/run.log`;
  return access(own).then(
    () => own,
    () => `${run.directory}/command/run.log`,
  );
}

function jobThen(job: Job, was: Exclude<JobAt, { kind: 'absent' }>): NonNullable<WhyAtWire['job']> {
  return {
    id: jobName(job.id),
    status: was.kind === 'ended' ? was.status : was.kind,
    run: was.kind === 'running' ? runName(was.run.id) : null,
    hold: was.kind === 'queued' ? holdToWire(was.reason) : null,
  };
}

function instant(value: string | undefined): number | null {
  if (value === undefined) return null;
  const at = Date.parse(value);
  if (Number.isNaN(at))
    throw new AppError(`at ${value} is not an instant`, {
      code: 'usage.at',
      hint: 'ISO 8601, such as 2026-01-31T09:30:00Z',
    });
  return at;
}

function paging(c: Context): { limit: number; after?: number } {
  const limit = Number(c.req.query('limit') ?? DEFAULT_LIMIT);
  const after = c.req.query('after');
  if (!Number.isInteger(limit) || limit < 1)
    throw new AppError('limit is not a whole number above 0', {
      code: 'usage.limit',
      hint: `1 to ${MAX_LIMIT}`,
    });
  return { limit: Math.min(limit, MAX_LIMIT), ...(after === undefined ? {} : { after: Number(after) || 0 }) };
}

function list<T extends string>(value: string | undefined, known: readonly T[], field: string): T[] | null {
  if (value === undefined || value === '') return null;
  return value.split(',').map((part) => {
    const match = known.find((each) => each === part.trim());
    if (match === undefined)
      throw new AppError(`${field} ${part} is not known`, {
        code: 'usage.filter',
        hint: `one of ${known.join(', ')}`,
      });
    return match;
  });
}

async function readLog(path: string, after: number): Promise<{ text: string; next: number; size: number }> {
  const file = await open(path).catch(() => null);
  if (file === null) return { text: '', next: after, size: 0 };
  try {
    const { size } = await file.stat();
    const length = Math.min(LOG_CHUNK_BYTES, Math.max(0, size - after));
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await file.read(buffer, 0, length, after);
    // Stop at a line end where there is one, so that no character is cut in two.
    const lineEnd = buffer.subarray(0, bytesRead).lastIndexOf(10);
    const used = lineEnd >= 0 ? lineEnd + 1 : bytesRead;
    return { text: buffer.toString('utf8', 0, used), next: after + used, size };
  } finally {
    await file.close();
  }
}
