import { incident } from '../core/announce.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { type ForgeNews, hear, mergedElsewhere, newsOf, type PullSeen } from '../core/forge-news.ts';
import type { Job, Task } from '../core/model.ts';
import { stageNamed } from '../core/pipeline.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { createDecisions } from './decisions.ts';
import type { Actor } from './intake.ts';
import type { Pipelines } from './pipelines.ts';
import type { Runtime, RuntimeProject } from './runtime.ts';

/** Tasks looked at per interval: each look asks a forge. The next ones come next time. */
const BATCH = 20;
/** Rows read for them per interval. */
const PAGE = 200;
/** Nudges kept until they are looked into; the looks by turn find what is beyond. */
const MAX_NUDGES = 500;
/** Things heard of one look: what is left comes next time. */
const MAX_NEWS = 4;

/** Where something has happened, as somebody else told; what it is, the forge is asked. */
export interface Nudge {
  readonly pullRequest?: number;
  readonly branch?: string;
  readonly commit?: string;
}

/**
 * Looks at the forge's side of the tasks under way, by turns and when it is nudged: merged or closed there,
 * reviews by people, checks that failed or ended, conflicts, branches that are gone. What it finds is decided by
 * the rules (`core/forge-news.ts`), each thing once. A forge that cannot be reached says nothing.
 */
export function createForgeWatch(parts: {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly pipelines: Pipelines;
  readonly decisions: ReturnType<typeof createDecisions>;
  readonly runtime: () => Runtime;
  readonly clock: Clock;
  readonly log: Logger;
  readonly intervalMs: number;
}) {
  const { store, pipelines, decisions, clock, log } = parts;
  const nudges = new Map<string, { readonly project: string; readonly about: Nudge }>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | null = null;
  let stopped = false;
  /** The last task looked at; 0 begins anew. */
  let after = 0;

  async function byTurns(): Promise<void> {
    let looks = 0;
    for (let read = 0; !stopped && looks < BATCH && read < PAGE; read += BATCH) {
      const page = await store.tasks({ status: ['active', 'needs_you'], after, limit: BATCH });
      for (const task of page.items) {
        after = task.id;
        const project = parts.runtime().projects.get(task.project);
        if (project === undefined || !isLookedAt(task, project)) continue;
        await lookAt(task, project);
        looks += 1;
      }
      if (page.next !== null) continue;
      after = 0;
      return;
    }
  }

  async function nudged(): Promise<void> {
    const asked = [...nudges.values()];
    nudges.clear();
    const wanted = Map.groupBy(asked, ({ project }) => project);
    for (const [key, about] of wanted) {
      const project = parts.runtime().projects.get(key);
      if (project === undefined) continue;
      for (let from = 0; !stopped; ) {
        const page = await store.tasks({
          ...{ status: ['active', 'needs_you'], project: key, after: from, limit: PAGE },
        });
        for (const task of page.items)
          if (task.head !== null && about.some((each) => isAbout(task, each.about)))
            await lookAt(task, project);
        if (page.next === null) break;
        from = page.next;
      }
    }
  }

  /** A repository alone has only merges to tell, and each look fetches: it is asked for what waits for one. */
  function isLookedAt(task: Task, project: RuntimeProject): boolean {
    if (task.head === null) return false;
    if (project.forge.feed !== null) return task.pr !== null || task.status === 'needs_you';
    if (task.reason?.code !== 'approval.pending') return false;
    const rules = pipelines.rulesFor(task.project, task.pipeline);
    return rules !== null && stageNamed(rules.pipeline, task.stage)?.kind === 'deploy';
  }

  async function lookAt(task: Task, project: RuntimeProject): Promise<void> {
    if (task.head === null || stopped) return;
    try {
      const { branch, head, pr } = task;
      const standing = await project.forge.look({ pr, branch, base: project.base, head });
      if (stopped) return;
      switch (standing.kind) {
        case 'merged':
          return await merged(task);
        case 'closed':
          log.info({ key: task.key }, 'the pull request was closed');
          await decisions.cancel(task.key, false, FORGE);
          return;
        case 'open':
          if (standing.pull?.head === null) await pushAgain(task, project);
          await heard(task, standing.pull ?? NOT_KNOWN);
      }
    } catch (error) {
      // Decided by somebody in this very moment, or out of reach: the next look tells.
      const level = error instanceof AppError ? 'debug' : 'error';
      log[level]({ key: task.key, error: messageOf(error) }, 'a branch could not be looked at');
    }
  }

  async function merged({ key }: Task): Promise<void> {
    const job = await latestJob(key);
    // An agent at work ends its stage first: the next look finds the same.
    if (job === null || job.status === 'running' || isOnItsWay(job)) return;
    log.info({ key }, 'the branch was merged elsewhere');
    await decisions.heard(key, 'merged elsewhere', FORGE, mergedElsewhere);
  }

  async function heard(task: Task, pull: PullSeen): Promise<void> {
    for (let count = 0; count < MAX_NEWS; count++) {
      const now = await store.task(task.key);
      const job = await latestJob(task.key);
      const rules = pipelines.rulesFor(task.project, task.pipeline);
      // The facts are of this head: with another one they are asked for anew.
      if (now === null || job === null || rules === null || now.head !== task.head) return;
      const news = newsOf({ task: now, job }, pull, rules, clock());
      if (news === null) return;
      log.info({ key: task.key, kind: news.kind }, 'the forge has news');
      await decisions.heard(task.key, ACTION[news.kind], actorOf(news), (state, context) =>
        hear(state, pull, context),
      );
    }
  }

  /** Somebody deleted the branch while it is under way: Orch still has all of it. */
  async function pushAgain(task: Task, project: RuntimeProject): Promise<void> {
    const pushed = await parts.workspace.push(project.repository, task.branch);
    if (pushed.kind !== 'pushed') return;
    log.info({ key: task.key, branch: task.branch }, 'the branch was gone, and is pushed again');
    const job = await latestJob(task.key);
    if (job === null) return;
    const mark = `branch:${task.key}:${pushed.head}`;
    const detail = `${task.branch} is at ${pushed.head.slice(0, 7)} again. To end the work: orch cancel ${task.key}`;
    const row = incident(job, mark, `The branch of ${task.key} was deleted: pushed again`, detail, false);
    await store.tell([row]);
  }

  async function latestJob(key: string): Promise<Job | null> {
    return decisions.latestJob(key);
  }

  async function pass(): Promise<void> {
    if (nudges.size > 0) await nudged();
    else await byTurns();
  }

  function later(delayMs: number): void {
    if (stopped || looking !== null) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      looking = pass()
        .catch((error: unknown) =>
          log.error({ error: messageOf(error) }, 'branches under way were not looked at'),
        )
        .then(() => {
          looking = null;
          later(nudges.size > 0 ? 0 : parts.intervalMs);
        });
    }, delayMs);
  }

  return {
    start: (): void => later(parts.intervalMs),
    /**
     * Something may have happened there: it is looked at soon, not by turn. Costs nothing to say it twice, and
     * what fits no task is forgotten.
     */
    nudge(project: string, about: Nudge): void {
      if (nudges.size >= MAX_NUDGES || parts.runtime().projects.get(project) === undefined) return;
      const { pullRequest = '', branch = '', commit = '' } = about;
      nudges.set(`${project} ${pullRequest} ${branch} ${commit}`, { project, about });
      if (timer !== undefined) later(0);
    },
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}

/** A forge that knows of no pull request yet. */
const NOT_KNOWN: PullSeen = { head: null, reviews: [], checks: [], conflict: null };

const FORGE: Actor = { by: 'orch', surface: 'orch' };

const ACTION: Readonly<Record<ForgeNews['kind'], string>> = {
  review: 'review',
  inbox: 'review',
  conflict: 'conflict',
  red: 'checks failed',
  approved: 'approve',
  settled: 'checks ended',
};

function actorOf(news: ForgeNews): Actor {
  if (news.kind !== 'approved' && news.kind !== 'review') return FORGE;
  return { by: news.review.by.name, surface: 'forge' };
}

/** A deploy that starts by itself finds the merge itself. */
function isOnItsWay(job: Job): boolean {
  return job.status === 'queued' && job.hold === null && job.agent === null;
}

function isAbout(task: Task, { pullRequest, branch, commit }: Nudge): boolean {
  return (
    (pullRequest !== undefined && task.pr?.number === pullRequest) ||
    (branch !== undefined && task.branch === branch) ||
    (commit !== undefined && task.head === commit)
  );
}
