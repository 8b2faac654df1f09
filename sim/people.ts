/**
 * People: they hand in work, call it urgent, approve, reject, answer, retry, cancel, pause, push to task branches and merge or
 * close pull requests elsewhere. Hostile ones do it at any moment; in a kind world they see to everything that
 * waits for them.
 */
import { AppError } from '../src/core/errors.ts';
import type { Engine } from '../src/engine/engine.ts';
import type { Eye, JobRow, TaskRow } from './eye.ts';
import type { Outside } from './outside.ts';
import type { Random } from './random.ts';
import type { Repositories } from './repositories.ts';
import type { Trace } from './trace.ts';

const ACTOR = { by: 'mara', surface: 'cli' } as const;

export interface People {
  /** One of them does something, whether it fits or not. */
  meddle(engine: Engine): void;
  /** They see to everything that waits for somebody. */
  attend(engine: Engine): void;
  submit(engine: Engine, project: string, key: string, accepted: () => void): void;
  enqueue(engine: Engine, project: string): void;
  /** Somebody lets in what the tracker of a project holds. */
  letIn(engine: Engine, project: string, first: number | null): void;
}

export function createPeople(parts: {
  random: Random;
  eye: Eye;
  trace: Trace;
  outside: Outside;
  repositories: Repositories;
  accounts: readonly string[];
}): People {
  const { random, eye, trace, outside, repositories } = parts;
  const hurry = random.pick([0, 0.15, 0.15, 0.9]);

  /** What a person asks may be refused with a reason; anything else that is thrown is a fault of ours. */
  function ask(what: string, work: () => Promise<unknown>, then?: () => void): void {
    work().then(
      () => then?.(),
      (error: unknown) => {
        if (!(error instanceof AppError))
          trace.broken('command.bug', `${what}: ${error instanceof Error ? error.stack : String(error)}`);
        trace.note(`${what} is refused: ${error instanceof AppError ? error.code : String(error)}`);
      },
    );
  }

  function latestJob(task: TaskRow): JobRow | undefined {
    return eye.jobsOf(task.id).at(-1);
  }

  /** What helps a task that waits for somebody. */
  function help(engine: Engine, task: TaskRow): void {
    const { key, reason_code: code } = task;
    const job = latestJob(task);
    if (job?.status === 'running') return;
    switch (code) {
      case 'approval.pending':
        // A branch that only a person merges: here is one.
        if (task.reason_detail?.includes('merge it') === true)
          outside.mergeByPerson(task.project, task.branch);
        return ask(`approve ${key}`, () => engine.approve(key, null, ACTOR));
      case 'rounds.spent':
      case 'rounds.stuck':
        return ask(`approve ${key}`, () => engine.approve(key, null, ACTOR));
      case 'question.pending':
        return ask(`answer ${key}`, () => engine.answer(key, 'do it anyway', ACTOR));
      default:
        return job?.status === 'done'
          ? ask(`retry ${key}`, () => engine.retry(key, { ...NO_OPTIONS, fromStage: job.stage }, ACTOR))
          : ask(`retry ${key}`, () => engine.retry(key, NO_OPTIONS, ACTOR));
    }
  }

  const tasks = (...status: string[]) => eye.tasks().filter((task) => status.includes(task.status));
  const someTask = (...status: string[]) => {
    const found = tasks(...status);
    return found.length === 0 ? null : random.pick(found);
  };

  function onTask(status: readonly string[], act: (task: TaskRow) => void): void {
    const task = someTask(...status);
    if (task !== null) act(task);
  }

  function scope(): ['all' | 'project' | 'account', string] {
    return random.pick<['all' | 'project' | 'account', string]>([
      ['all', ''],
      ['project', random.pick(eye.projects()).key],
      ['account', random.pick(parts.accounts)],
    ]);
  }

  return {
    meddle(engine) {
      const act = random.weighted(ACTS);
      switch (act) {
        case 'help':
          return onTask(['needs_you'], (task) => help(engine, task));
        case 'approve':
          return onTask(['needs_you', 'active'], ({ key, head }) =>
            ask(`approve ${key}`, () =>
              engine.approve(key, random.chance(0.3) ? 'abcdef0' : (head?.slice(0, 7) ?? null), ACTOR),
            ),
          );
        case 'reject':
          return onTask(['needs_you'], ({ key }) =>
            ask(`reject ${key}`, () => engine.reject(key, `not like this, ${random.between(1, 99)}`, ACTOR)),
          );
        case 'answer':
          return onTask(['needs_you', 'active'], ({ key }) =>
            ask(`answer ${key}`, () => engine.answer(key, 'the second one', ACTOR)),
          );
        case 'retry':
          return onTask(['needs_you', 'active', 'cancelled', 'done'], (task) => {
            const fromStage = random.chance(0.2) ? (latestJob(task)?.stage ?? null) : null;
            ask(`retry ${task.key}`, () => engine.retry(task.key, { ...NO_OPTIONS, fromStage }, ACTOR));
          });
        case 'retry job': {
          const job = eye
            .jobs()
            .filter(({ status }) => status === 'failed' || status === 'cancelled')
            .at(-1);
          if (job === undefined) return;
          return ask(`retry job_${job.id}`, () => engine.retry(`job_${job.id}`, NO_OPTIONS, ACTOR));
        }
        case 'cancel':
          return onTask(['active', 'needs_you'], ({ key }) =>
            ask(`cancel ${key}`, () => engine.cancel(key, random.chance(0.5), ACTOR)),
          );
        case 'cancel job': {
          const open = eye.openJobs();
          if (open.length === 0) return;
          const { id } = random.pick(open);
          return ask(`cancel job_${id}`, () => engine.cancel(`job_${id}`, false, ACTOR));
        }
        case 'pause': {
          const [what, id] = scope();
          const forMs = random.chance(0.7) ? random.between(60_000, 3_600_000) : null;
          return ask(`pause ${what} ${id}`, () => engine.pause(what, id, 'looking', forMs, ACTOR));
        }
        case 'resume':
          return resumeAll(engine);
        case 'stop runs': {
          const [what, id] = scope();
          return ask(`stop ${what} ${id}`, () => engine.endRuns(what, id, random.chance(0.5)));
        }
        case 'check account': {
          const id = random.pick(parts.accounts);
          return ask(`check ${id}`, () => engine.checkAccount(id));
        }
        case 'urgent':
          return onTask(['active', 'needs_you'], ({ key }) => {
            const on = random.chance(0.7);
            ask(`${on ? 'urgent' : 'not urgent'} ${key}`, () => engine.urgent(key, on, ACTOR));
          });
        case 'push':
          return onTask(['active', 'needs_you'], ({ project, branch }) => {
            const head = repositories.pushByPerson(project, branch);
            if (head !== null) trace.note(`a person pushes ${head.slice(0, 7)} to ${branch}`);
          });
        case 'merge elsewhere':
          return onTask(['needs_you'], ({ project, branch }) => {
            outside.mergeByPerson(project, branch);
          });
        case 'review elsewhere':
          return onTask(['active', 'needs_you'], ({ project, branch }) => {
            const state = random.pick(['approved', 'approved', 'changes_requested', 'commented'] as const);
            outside.reviewByPerson(project, branch, state);
          });
        case 'delete branch':
          return onTask(['active', 'needs_you'], ({ project, branch }) => {
            if (repositories.deleteBranch(project, branch)) trace.note(`a person deletes ${branch}`);
          });
        case 'close elsewhere':
          return onTask(['needs_you'], ({ project, branch }) => {
            outside.closeByPerson(project, branch);
          });
      }
    },

    attend(engine) {
      resumeAll(engine);
      for (const task of tasks('needs_you')) help(engine, task);
      // What it depends on may never be done.
      for (const task of tasks('active'))
        if (latestJob(task)?.hold === 'dependency.open')
          ask(`retry ${task.key}`, () => engine.retry(task.key, NO_OPTIONS, ACTOR));
      for (const job of eye.jobs())
        if (job.task_id === null && job.status === 'failed')
          ask(`retry job_${job.id}`, () => engine.retry(`job_${job.id}`, NO_OPTIONS, ACTOR));
    },

    submit(engine, project, key, accepted) {
      const request = {
        ...{ project, title: `Item ${key}`, body: '', stage: null, key, priority: random.between(0, 2) },
        ...{ labels: [], size: null, pipeline: null, urgent: isUrgent() },
      };
      ask(`submit ${key}`, () => engine.submit(request, ACTOR), accepted);
    },

    letIn(engine, project, first) {
      ask(`let in for ${project}`, () => engine.acceptance.accept(project, first, ACTOR));
    },

    enqueue(engine, project) {
      const request = {
        agent: 'developer',
        repo: project,
        maxAttempts: null,
        priority: 0,
        note: null,
        urgent: isUrgent(),
      };
      ask(`enqueue in ${project}`, () => engine.enqueue(request));
    },
  };

  /** By the seed nobody hurries, some work is urgent, or nearly everything is called so. */
  function isUrgent(): boolean {
    return random.chance(hurry);
  }

  function resumeAll(engine: Engine): void {
    for (const { scope: what, id } of eye.pauses())
      ask(`resume ${what} ${id}`, () => engine.resume(what, id, ACTOR));
  }
}

const NO_OPTIONS = { note: null, fromStage: null, account: null } as const;

const ACTS = [
  [40, 'help'],
  [8, 'approve'],
  [5, 'reject'],
  [4, 'answer'],
  [5, 'retry'],
  [3, 'retry job'],
  [3, 'cancel'],
  [4, 'cancel job'],
  [5, 'pause'],
  [8, 'resume'],
  [3, 'stop runs'],
  [2, 'check account'],
  [4, 'urgent'],
  [5, 'push'],
  [2, 'merge elsewhere'],
  [9, 'review elsewhere'],
  [1, 'delete branch'],
  [1, 'close elsewhere'],
] as const;
