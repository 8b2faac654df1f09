import { type Additions, extendPipelines, type Misfit } from '../core/additions.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { Task } from '../core/model.ts';
import { asksForPaths } from '../core/pipeline.ts';
import { choosePipeline, FULL, type ItemFacts } from '../core/pipeline-choice.ts';
import type { ProjectRules } from '../core/task.ts';
import type { Logger } from '../lib/logger.ts';
import type { StageSettings } from '../stages/stage.ts';
import type { BaseFiles, Workspace } from '../workspace/workspace.ts';
import type { Runtime, RuntimePipeline, RuntimeProject } from './runtime.ts';

/** How the files of a repository become additions; given by the composition root. */
export interface AdditionsReader {
  /** Paths and patterns that are read of the base branch. */
  readonly files: readonly string[];
  read(files: BaseFiles['files']): {
    readonly additions: Additions<StageSettings>;
    readonly problems: readonly Misfit[];
  };
}

/** The rules that a task walks by: its project's, with the stages of its own pipeline. */
export interface PipelineRules extends ProjectRules {
  readonly pipeline: readonly StageSettings[];
}

/** What is known of the additions of one repository. */
interface Known {
  /** The last that were right; null when there are none to go by, and then nothing may go on. */
  readonly good: Additions<StageSettings> | null;
  readonly problem: AppError | null;
  /** What this was read from: nothing is read again until one of them changes. */
  readonly commit: string | null;
  readonly project: RuntimeProject;
}

const KEPT = 'pipeline';
const NOTHING: Additions<StageSettings> = { stages: [], checks: [], notes: [] };

/**
 * The one door to pipelines: those of orch.yaml, with what the base branch of the repository adds.
 * Nothing of a task branch is ever read. Additions that are not right leave the last good ones in
 * force, over a restart too: an approval or check that a repository added does not go missing by a slip.
 */
export function createPipelines(parts: {
  workspace: Workspace;
  runtime: () => Runtime;
  reader: AdditionsReader;
  log: Logger;
}) {
  const { workspace, reader, log } = parts;
  const known = new Map<string, Known>();
  const turns = new Map<string, Promise<void>>();

  function extended(key: string): readonly RuntimePipeline[] | null {
    const project = parts.runtime().projects.get(key);
    const good = additionsOf(key);
    if (project === undefined || good === null) return null;
    return extendPipelines<StageSettings, RuntimePipeline>(project.pipelines, good).pipelines;
  }

  function additionsOf(key: string): Additions<StageSettings> | null {
    const state = known.get(key);
    return state === undefined ? NOTHING : state.good;
  }

  function rulesFor(key: string, name: string): PipelineRules | null {
    const { projects, runTimeoutMs, stallTimeoutMs } = parts.runtime();
    const project = projects.get(key);
    const pipeline = extended(key)?.find((each) => each.name === name);
    if (project === undefined || pipeline === undefined) return null;
    const own = new Set(project.pipelines.flatMap(({ stages }) => stages.map(({ stage }) => stage)));
    // A repository cannot lengthen the limits of the operator.
    const limited = (stage: StageSettings): StageSettings => ({
      ...stage,
      timeoutMs: stage.timeoutMs === null ? null : Math.min(stage.timeoutMs, runTimeoutMs),
      stallMs: stage.stallMs === null ? null : Math.min(stage.stallMs, stallTimeoutMs),
    });
    return {
      ...project.rules,
      pipeline: pipeline.stages.map((stage) => (own.has(stage.stage) ? stage : limited(stage))),
    };
  }

  /** One look at a time per project, so that an older one cannot overwrite a newer one. */
  function inTurn(key: string, look: () => Promise<void>): Promise<void> {
    const turn = (turns.get(key) ?? Promise.resolve()).then(look, look);
    turns.set(key, turn);
    return turn;
  }

  async function look(project: RuntimeProject): Promise<void> {
    const { key } = project.rules;
    const base = await workspace.readBaseFiles(project.repository, reader.files);
    const before = known.get(key);
    if (before?.commit === base.commit && before.project === project) return;
    const { additions, problems } = judged(base, project);
    if (problems.length === 0) {
      await workspace.keepBase(project.repository, KEPT, base.commit);
      known.set(key, { good: additions, problem: null, commit: base.commit, project });
      if (before?.problem != null) log.info({ project: key }, '.orch/pipeline.yaml is right again');
      return;
    }
    const problem = invalid(project, problems);
    const good = before?.good ?? (await keptAdditions(project));
    known.set(key, { good, problem, commit: base.commit, project });
    log.error({ project: key, problem: problem.message }, 'the additions of the repository were not applied');
  }

  function judged(base: BaseFiles, project: RuntimeProject) {
    const { additions, problems } = reader.read(base.files);
    if (problems.length > 0) return { additions, problems };
    return { additions, problems: extendPipelines(project.pipelines, additions).misfits };
  }

  async function keptAdditions(project: RuntimeProject): Promise<Additions<StageSettings> | null> {
    const kept = await workspace.readKeptFiles(project.repository, KEPT, reader.files);
    if (kept === null) return null;
    const { additions, problems } = reader.read(kept.files);
    return problems.length === 0 ? additions : null;
  }

  return {
    rulesFor,

    /** Like `rulesFor`, where there must be some. Throws `pipeline.invalid`, `stage.unknown`. */
    rulesOf(task: Pick<Task, 'project' | 'pipeline' | 'key'>): PipelineRules {
      const rules = rulesFor(task.project, task.pipeline);
      if (rules !== null) return rules;
      const problem = known.get(task.project)?.problem;
      if (problem != null) throw problem;
      throw new AppError(`pipeline ${task.pipeline} is not in the configuration of ${task.project}`, {
        code: 'stage.unknown',
        hint: `put it back into orch.yaml and orch retry ${task.key}, or orch cancel ${task.key}`,
      });
    },

    /** The name of the pipeline for a new item: the one asked for, else the first that fits. Throws `usage.unknown_pipeline`. */
    choose(project: RuntimeProject, asked: string | null, item: ItemFacts): string {
      if (asked === null) return choosePipeline(project.pipelines, item);
      const names = project.pipelines.map(({ name }) => name);
      if (names.includes(asked)) return asked;
      throw new AppError(`project ${project.rules.key} has no pipeline ${asked}`, {
        code: 'usage.unknown_pipeline',
        hint: `one of ${[FULL, ...names.filter((name) => name !== FULL)].join(', ')}`,
      });
    },

    /** The project's checks and those its repository adds. */
    checksOf(project: RuntimeProject): readonly string[] {
      const added = additionsOf(project.rules.key)?.checks ?? [];
      return [...project.checks, ...added.filter((check) => !project.checks.includes(check))];
    },

    /** What the repository adds to the prompt of a stage; null when it says nothing. */
    noteFor(key: string, stage: string): string | null {
      return additionsOf(key)?.notes.find((note) => note.stage === stage)?.text ?? null;
    },

    /** Reads what the repository adds, as last fetched; nothing is read twice of one commit. Throws when git does. */
    refresh: (project: RuntimeProject): Promise<void> =>
      inTurn(project.rules.key, () =>
        look(project).catch(async (error: unknown) => {
          if (!isNeverFetched(error)) throw error;
          await workspace.fetch(project.repository);
          await look(project);
        }),
      ),

    /** All that are meant, at a start and when orch.yaml changed: without the network. What cannot be read lets nothing go on there. */
    async refreshAll(isMeant: (project: string) => boolean = () => true): Promise<void> {
      const projects = [...parts.runtime().projects.values()];
      await Promise.all(
        projects
          .filter(({ rules }) => isMeant(rules.key))
          .map((project) =>
            inTurn(project.rules.key, () => look(project)).catch((error: unknown) => {
              // Never fetched: nothing can be under way, and the first item fetches.
              if (isNeverFetched(error)) return;
              const { key } = project.rules;
              log.error({ project: key, error: messageOf(error) }, 'the base branch could not be read');
              known.set(key, {
                good: known.get(key)?.good ?? null,
                problem: unreadable(key, error),
                commit: null,
                project,
              });
            }),
          ),
      );
    },

    /** Why what a repository adds is not in force; null when it is. */
    problemOf: (key: string): AppError | null => known.get(key)?.problem ?? null,

    /** Every project whose repository adds something that is not in force, and why. */
    problems: (): { project: string; problem: string; hint: string | null }[] =>
      [...parts.runtime().projects.keys()].flatMap((project) => {
        const error = known.get(project)?.problem;
        return error == null ? [] : [{ project, problem: error.message, hint: error.hint ?? null }];
      }),

    /** Files the task changes against its base; measured only where a stage behind this one asks, else null. */
    async changedBy(task: Task, stage: string, head: string): Promise<readonly string[] | null> {
      const project = parts.runtime().projects.get(task.project);
      const rules = rulesFor(task.project, task.pipeline);
      if (project === undefined || rules === null || !asksForPaths(rules.pipeline, stage)) return null;
      return workspace.changedAgainstBase(project.repository, head).catch((error: unknown) => {
        // Not knowing skips no stage.
        log.warn({ task: task.key, error: messageOf(error) }, 'the changed files could not be told');
        return null;
      });
    },
  };
}

export type Pipelines = ReturnType<typeof createPipelines>;

function isNeverFetched(error: unknown): boolean {
  return error instanceof AppError && error.code === 'workspace.base_missing';
}

function invalid(project: RuntimeProject, problems: readonly Misfit[]): AppError {
  const where = `.orch/ on ${project.base} of ${project.rules.key}`;
  const lines = problems.map(({ key, problem, fix }) => `  ${key}: ${problem} - ${fix}`);
  return new AppError([`${where} cannot be applied`, ...lines].join('\n'), {
    code: 'pipeline.invalid',
    hint: `correct it on ${project.base}; tasks under way go on with what was last right`,
    facts: { problems },
  });
}

function unreadable(project: string, error: unknown): AppError {
  return new AppError(`the base branch of ${project} could not be read: ${messageOf(error)}`, {
    code: 'pipeline.invalid',
    hint: (error instanceof AppError ? error.hint : undefined) ?? 'look at the service log',
    cause: error,
  });
}
