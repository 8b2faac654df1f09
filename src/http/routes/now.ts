import { createRoute } from '@hono/zod-openapi';
import type { Reason } from '../../core/dispatch-state.ts';
import { type Job, jobName, type Run } from '../../core/model.ts';
import { type InboxItemWire, type NowWire, nowSchema, type RunningWire } from '../contract.ts';
import { explainToWire } from '../explain-wire.ts';
import { createLookUp } from '../look-up.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso, isoOrNull, jobToWire, proofToWire, runToWire, taskToWire, warningToWire } from '../wire.ts';
import { destinationsToWire } from './outbox.ts';

const NEXT = 7;
/** Pages that ask at the same moment, with nothing changed since, get one answer. */
const SHARED_MS = 500;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SHOWN_TASKS = 10;
const SHOWN_INBOX = 100;
/** Reasons in one answer: more say no more. */
const SHOWN_REASONS = 50;
const QUIET_MS = 3 * 60_000;
const TAIL_LINES = 20;
const MAX_WORDS = 300;

/** The first page in one answer. */
export function nowRoutes({ engine, version, configProblem }: HttpOptions) {
  const { store } = engine;
  const lookUp = createLookUp(engine);
  const routes = createRoutes();
  let last: { readonly rev: number; readonly at: number; readonly answer: Promise<NowWire> } | null = null;

  routes.openapi(
    createRoute({
      ...route('get', '/now', 'why', 'The first page: what runs, what is next, what needs a person, and why'),
      responses: answer(nowSchema, 'as of now'),
    }),
    async (c) => {
      const rev = engine.changes.rev();
      if (last === null || last.rev !== rev || performance.now() - last.at > SHARED_MS)
        last = { rev, at: performance.now(), answer: look(rev) };
      return c.json(await last.answer, 200);
    },
  );

  async function look(rev: number): Promise<NowWire> {
    const explained = await engine.explain({ project: null });
    const { explanation, now } = explained;
    const reasonOf = new Map(
      explanation.reasons.flatMap(({ reason, jobs }) => jobs.map((job) => [job.id, reason] as const)),
    );
    const running = await Promise.all((await store.running()).map((each) => runningToWire(each, now)));
    const next = await store.reports.nextUp(NEXT);
    const explain = explainToWire({
      ...explained,
      room: await engine.room(),
      explanation: { ...explanation, reasons: explanation.reasons.slice(0, SHOWN_REASONS) },
    });
    const [ended, hours, tasks, pauses, troubles] = await Promise.all([
      store.reports.ended(now - DAY_MS),
      store.reports.endedPerHour(now - DAY_MS),
      store.reports.endedTasks(now - DAY_MS, SHOWN_TASKS),
      store.pauses(),
      engine.letters.troubles(),
    ]);
    const wire: NowWire = {
      schema: 'orch.now/1',
      rev,
      explain,
      running,
      next: await Promise.all(
        next.map(async (job) =>
          jobToWire(job, await lookUp.keyOf(job), reasonOf.get(job.id) ?? (await engine.reason(job))),
        ),
      ),
      inbox: [
        ...explanation.reasons
          .filter(({ reason }) => reason.state === 'needs_you')
          .slice(0, SHOWN_INBOX)
          .map(({ reason, jobs }) => inboxItem(reason, jobs)),
        ...running.filter(({ state }) => state === 'stalled').map(stalledItem),
      ],
      lastDay: {
        since: iso(now - DAY_MS),
        runs: ended.runs.map(({ microUsd, ...rest }) => ({ ...rest, costUsd: microUsd / 1e6 })),
        hours: Array.from({ length: 24 }, (_, hour) => ({
          from: iso(now - DAY_MS + hour * HOUR_MS),
          runs: hours.filter((row) => row.hour === hour).map(({ verdict, runs }) => ({ verdict, runs })),
        })),
        tasksDone: ended.tasksDone,
        tasksCancelled: ended.tasksCancelled,
        tasks: tasks.map(taskToWire),
      },
      pauses: pauses
        .filter(({ until }) => until === null || until > now)
        .map((pause) => ({ ...pause, since: iso(pause.since), until: isoOrNull(pause.until) })),
      configProblem: configProblem(),
      pipelineProblems: engine.pipelineProblems(),
      warnings: engine.warnings().map(warningToWire),
      outbox: destinationsToWire(troubles, now),
      version,
    };
    return wire;
  }

  async function runningToWire({ run, job }: { run: Run; job: Job }, now: number): Promise<RunningWire> {
    const task = job.taskId === null ? null : await store.taskById(job.taskId);
    const lastOutputAt = await engine.lastOutputAt(run);
    const tail = await tailOf(run);
    const silentMs = now - (lastOutputAt ?? run.startedAt);
    return {
      run: runToWire(run),
      job: jobToWire(job, task?.key ?? null, null),
      title: task?.title ?? null,
      state:
        silentMs >= engine.looks.stallMsOf(task, job.stage)
          ? 'stalled'
          : silentMs >= QUIET_MS
            ? 'quiet'
            : 'running',
      lastOutputAt: isoOrNull(lastOutputAt),
      proof: proofToWire(await engine.runProof.of(run.id)),
      ...tail,
    };
  }

  /** What a live run did last, from the end of its log. */
  async function tailOf(run: Run): Promise<Pick<RunningWire, 'logBytes' | 'lastWords' | 'lastTool'>> {
    await using log = await engine.runLogs.open(run);
    if (log === null) return { logBytes: 0, lastWords: null, lastTool: null };
    const parts = (await log.before(log.size, TAIL_LINES)).flatMap((line) => line.parts);
    const words = parts.findLast(({ kind, text }) => kind !== 'system' && text.trim() !== '');
    const call = parts.findLast(({ kind }) => kind === 'tool');
    return {
      logBytes: log.size,
      lastWords: words === undefined ? null : words.text.slice(0, MAX_WORDS),
      lastTool: call === undefined ? null : { tool: call.tool ?? '', text: call.text.slice(0, MAX_WORDS) },
    };
  }
  return routes;
}

function inboxItem(reason: Reason, jobs: readonly Job[]): InboxItemWire {
  const [job] = jobs;
  return {
    kind: kindOf(reason.code),
    code: reason.code,
    about: reason.scope.id === '' && job !== undefined ? jobName(job.id) : reason.scope.id,
    title: reason.title,
    detail: reason.detail,
    since: iso(reason.since),
    jobsHeld: jobs.length,
    actions:
      reason.fix === null ? [] : [{ id: 'fix', label: reason.clearsWhen, role: 'operator', cli: reason.fix }],
  };
}

function stalledItem({ run, job, lastOutputAt }: RunningWire): InboxItemWire {
  return {
    kind: 'stalled',
    code: 'run.stalled',
    about: run.id,
    title: `${job.task ?? job.id}: ${run.id} says nothing`,
    detail:
      lastOutputAt === null ? 'It has not said anything yet.' : `It last said something at ${lastOutputAt}.`,
    since: lastOutputAt ?? run.startedAt,
    jobsHeld: 0,
    actions: [{ id: 'cancel', label: 'Cancel the run', role: 'operator', cli: `orch cancel ${run.id}` }],
  };
}

const KINDS: readonly (readonly [RegExp, InboxItemWire['kind']])[] = [
  [/^account\.|^agent\.unproven/, 'sign_in'],
  [/^approval\./, 'approval'],
  [/^question\.|^declined/, 'question'],
  [/^budget\./, 'budget'],
  [/conflict|^branch\.moved/, 'conflict'],
  [/^gate\.|^workspace\.|^host\.|^forge\.|^tracker\.|^agent\.denied/, 'gate'],
  [/^job\.|^rounds\./, 'retries'],
];

function kindOf(code: string): InboxItemWire['kind'] {
  return KINDS.find(([pattern]) => pattern.test(code))?.[1] ?? 'other';
}
