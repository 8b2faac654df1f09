import { createHash } from 'node:crypto';
import type { Surface } from '../core/audit.ts';
import type { NewOutboxRow } from '../core/effects.ts';
import { AppError } from '../core/errors.ts';
import { DEPENDENCY, type FeedMarks } from '../core/feed.ts';
import { EMPTY_CONTEXT, type Job, jobName, type Task } from '../core/model.ts';
import { firstStage, stageNamed } from '../core/pipeline.ts';
import { FULL, itemFacts, type Size } from '../core/pipeline-choice.ts';
import { accountFor, jobForStage } from '../core/task.ts';
import { webUrl } from '../core/web-url.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { StageSettings } from '../stages/stage.ts';
import type { Store } from '../store/store.ts';
import type { TrackedItem } from '../trackers/tracker.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { PipelineRules, Pipelines } from './pipelines.ts';
import type { Runtime, RuntimeProject } from './runtime.ts';

/** Who acts, and from where; recorded with every action. */
export interface Actor {
  readonly by: string;
  readonly surface: Surface;
  /** By what else a stage may name them among its reviewers. */
  readonly names?: readonly string[];
  /** Names what they did: done once, however often it is asked for. */
  readonly once?: string;
  /** What is told with it, in the same transaction. */
  readonly replies?: readonly NewOutboxRow[];
}

export interface IntakeParts {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly pipelines: Pipelines;
  readonly runtime: () => Runtime;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Nobody in particular: what a program of ours asks for. */
const ORCH: Actor = { by: 'orch', surface: 'orch' };
const ROLES = ['analyst', 'architect', 'developer', 'reviewer', 'tester', 'deployer'];

/** How work comes in. The repository is fetched first, so that nothing is taken on that cannot be worked on. */
export function createIntake({ store, workspace, pipelines, runtime, clock, log }: IntakeParts) {
  function projectOf(nameOrRepo: string): RuntimeProject {
    const exact = runtime().projects.get(nameOrRepo);
    if (exact !== undefined) return exact;
    const matches = [...runtime().projects.values()].filter(
      (p) => repositoryName(p.rules.repo) === nameOrRepo || p.rules.repo === nameOrRepo,
    );
    const [match] = matches;
    if (match !== undefined && matches.length === 1) return match;
    const known = [...runtime().projects.keys()].join(', ');
    throw new AppError(
      matches.length > 1
        ? `${nameOrRepo} names ${matches.length} projects`
        : `there is no project ${nameOrRepo}`,
      {
        code: 'project.unknown',
        hint: known === '' ? 'add one under projects: in orch.yaml (orch init)' : `one of ${known}`,
      },
    );
  }

  /** Where an item would start, with the repository as it is now. Throws when nothing can be made of it. */
  async function entry(
    project: RuntimeProject,
    request: {
      readonly labels: readonly string[];
      readonly size: Size | null;
      readonly pipeline: string | null;
      readonly stage: string | null;
      readonly key: string | null;
    },
  ) {
    const facts = itemFacts(request.labels, request.size);
    const pipeline = pipelines.choose(project, request.pipeline, facts);
    await workspace.fetch(project.repository);
    await pipelines.refresh(project);
    const problem = pipelines.problemOf(project.rules.key);
    if (problem !== null && !(await isHere(request.key))) throw problem;
    const rules = pipelines.rulesOf({ project: project.rules.key, pipeline, key: request.key ?? '' });
    return { facts, pipeline, rules, first: entryStage(rules, request.stage, pipeline, facts.labels) };
  }

  /** An item as the task that the store takes on. */
  function taskOf(
    { rules, branchTemplate }: RuntimeProject,
    item: { readonly id: string; readonly key: string; readonly title: string; readonly body: string },
    { facts, pipeline, first }: Awaited<ReturnType<typeof entry>>,
  ) {
    const { id: workItemId, key, title, body } = item;
    return {
      ...{ project: rules.key, repo: rules.repo, workItemId, key, title, body },
      ...{ branch: branchName(branchTemplate, key, title), stage: first.stage, pipeline },
      ...{ labels: facts.labels, size: facts.size },
    };
  }

  async function isHere(key: string | null): Promise<boolean> {
    return key !== null && (await store.task(key)) !== null;
  }

  return {
    /** Takes a work item on: an item on the board, its task and first job. The same key returns the existing task. */
    async submit(
      request: {
        project: string;
        title: string;
        body: string;
        stage: string | null;
        key: string | null;
        priority: number;
        /** Goes first in its project, and at times before the turn of others; default false. */
        urgent?: boolean;
        labels: readonly string[];
        size: Size | null;
        /** Asked for by name; null = chosen by labels and size. */
        pipeline: string | null;
      },
      actor: Actor,
    ): Promise<{ task: Task; created: boolean }> {
      const project = projectOf(request.project);
      if (project.tracker.feed !== null)
        throw new AppError(`items of ${project.rules.key} come from its tracker, ${project.tracker.kind}`, {
          code: 'usage.tracker_feed',
          hint: `make an item there that its rule matches: ${project.tracker.feed.rule.text}`,
        });
      const at = await entry(project, request);
      const { pipeline, rules, first } = at;
      const item = await store.board.create(
        { project: project.rules.key, key: request.key, title: request.title, body: request.body },
        clock(),
      );
      const taken = await store.submit(
        {
          ...taskOf(project, item, at),
          ...{ priority: request.priority, urgent: request.urgent ?? false },
        },
        (task) =>
          jobForStage(task, first, rules, {
            maxAttempts: runtime().maxAttempts,
            rework: false,
            context: {},
          }),
      );
      if (taken.created)
        await store.audit({
          ...{ by: actor.by, surface: actor.surface, action: 'submit', target: item.key, at: clock() },
          after: { project: project.rules.key, stage: first.stage },
        });
      log.info({ key: item.key, by: actor.by, created: taken.created, pipeline }, 'work item submitted');
      return taken;
    },

    /**
     * Takes an item of a tracker on, with what was said on it before. Safe to repeat: the same item returns its
     * task. While items that it depends on are open, its first job waits for them.
     */
    async take(
      key: string,
      item: TrackedItem,
      known: { readonly marks: FeedMarks; readonly seen: readonly string[]; readonly thread: string },
      dependsOn: readonly string[],
    ): Promise<{ task: Task; created: boolean }> {
      const project = projectOf(key);
      const request = { labels: item.labels, size: null, pipeline: null, stage: null, key: item.key };
      const at = await entry(project, request);
      const { pipeline, rules, first } = at;
      const taken = await store.submit(
        {
          ...taskOf(project, item, at),
          ...{ url: webUrl(item.url), priority: item.priority, urgent: false, feed: known },
        },
        (task) => {
          const job = jobForStage(task, first, rules, {
            maxAttempts: runtime().maxAttempts,
            rework: false,
            context: { dependsOn },
          });
          return dependsOn.length === 0 ? job : { ...job, hold: DEPENDENCY };
        },
      );
      log.info({ key: item.key, created: taken.created, pipeline }, 'work item taken on');
      return taken;
    },

    /** Queues one job without a task, on a branch of its own. */
    async enqueue(
      request: {
        agent: string;
        repo: string;
        maxAttempts: number | null;
        priority: number;
        urgent?: boolean;
        note: string | null;
      },
      actor: Actor = ORCH,
    ): Promise<Job> {
      const project = projectOf(request.repo);
      if (!ROLES.includes(request.agent))
        throw new AppError(`there is no role ${request.agent}`, {
          code: 'usage.unknown_role',
          hint: `--agent is one of ${ROLES.join(', ')}`,
        });
      const full = project.pipelines.find(({ name }) => name === FULL)?.stages ?? [];
      const stage = full.find((s) => s.kind === 'agent' && s.agent === request.agent);
      const account = stage?.account ?? project.rules.accounts[0] ?? null;
      if (account === null) throw noAccount(project.rules.key);
      await workspace.fetch(project.repository);
      const job = await store.enqueue(
        {
          taskId: null,
          project: project.rules.key,
          repo: project.rules.repo,
          stage: null,
          agent: request.agent,
          account,
          maxAttempts: request.maxAttempts ?? runtime().maxAttempts,
          priority: request.priority,
          urgent: request.urgent ?? false,
          rework: false,
          hold: null,
          context: { ...EMPTY_CONTEXT, note: request.note },
        },
        (id) => `orch/job-${id}`,
      );
      await store.audit({
        ...{ by: actor.by, surface: actor.surface, action: 'enqueue', target: jobName(job.id), at: clock() },
        after: { project: job.project, agent: job.agent },
      });
      return job;
    },
  };
}

/** Where the item starts: a stage asked for by name is entered whatever its `when` says. */
function entryStage(
  rules: PipelineRules,
  asked: string | null,
  pipeline: string,
  labels: readonly string[],
): StageSettings {
  const lonely = rules.pipeline.find((s) => s.kind === 'agent' && accountFor(s, rules) === null);
  if (lonely !== undefined) throw noAccount(rules.key);
  const first =
    asked === null ? firstStage(rules.pipeline, { labels, changed: [] }) : stageNamed(rules.pipeline, asked);
  // Nothing to merge yet: an item that no earlier stage applies to would seem done with nothing made.
  if (first !== null && (asked !== null || first.kind !== 'deploy')) return first;
  const of = pipeline === FULL ? `project ${rules.key}` : `pipeline ${pipeline} of ${rules.key}`;
  if (asked === null)
    throw new AppError(`no stage of ${of} applies to this item`, {
      code: 'usage.no_stage',
      hint: 'name another pipeline, a stage, or labels that one of its stages asks for',
    });
  throw new AppError(`${of} has no stage ${asked}`, {
    code: 'usage.unknown_stage',
    hint: `one of ${rules.pipeline.map((s) => s.stage).join(', ')}`,
  });
}

function noAccount(project: string): AppError {
  return new AppError(`project ${project} has no account`, {
    code: 'project.no_account',
    hint: `set projects.${project}.accounts in orch.yaml`,
  });
}

function repositoryName(repo: string): string {
  const last = repo.replace(/\/+$/, '').split(/[/:]/).at(-1) ?? repo;
  return last.replace(/\.git$/, '');
}

const MAX_SLUG = 40;

/** Fills `{key}` and `{slug}`; a title without a usable letter gets a short hash, so the name stays valid. */
function branchName(template: string, key: string, title: string): string {
  const slug = title
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_SLUG)
    .replace(/^-+|-+$/g, '');
  const safe = slug === '' ? createHash('sha256').update(title).digest('hex').slice(0, 8) : slug;
  return template.replaceAll('{key}', key.toLowerCase()).replaceAll('{slug}', safe);
}
