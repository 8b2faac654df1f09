import { type Stage, sendBackTarget, stageNamed } from './pipeline.ts';

/** What a repository adds to the pipelines of its project. There is no way to name anything of a stage that is there. */
export interface Additions<T extends Stage = Stage> {
  /** In the order of the file: a later one may stand beside an earlier one. */
  readonly stages: readonly AddedStage<T>[];
  /** Run after the project's own checks. */
  readonly checks: readonly string[];
  readonly notes: readonly PromptNote[];
}

export interface AddedStage<T extends Stage = Stage> {
  readonly stage: T;
  readonly side: 'before' | 'after';
  /** The stage it stands beside. A pipeline that lacks it does not get the added one. */
  readonly anchor: string;
  /** True for an agent that may change files. */
  readonly writes: boolean;
  /** Where the file says so, such as `stages[0]`. */
  readonly key: string;
}

/** Text that the prompt of one stage gets besides its own. */
export interface PromptNote {
  readonly stage: string;
  readonly text: string;
  /** The prompt file. */
  readonly file: string;
  /** Where the stage is told; null when the name of the prompt file tells it. */
  readonly key: string | null;
  /** Why the text cannot be used; null when it can. */
  readonly problem: string | null;
}

/** Something that the repository may not do, or cannot have meant; told to whoever wrote it. */
export interface Misfit {
  readonly key: string;
  readonly problem: string;
  readonly fix: string;
}

export interface NamedPipeline<T extends Stage = Stage> {
  readonly name: string;
  readonly stages: readonly T[];
}

export interface Extended<T extends Stage, P extends NamedPipeline<T>> {
  readonly pipelines: readonly P[];
  /** Why parts were left out; none when all of it fits. */
  readonly misfits: readonly Misfit[];
}

/**
 * The pipelines with what the repository adds. Nothing that is there is removed, moved or changed:
 * stages keep their settings, their order and where they send work back to. What would take force
 * from a review, an approval or the merge does not fit, and is left out.
 */
export function extendPipelines<T extends Stage, P extends NamedPipeline<T>>(
  pipelines: readonly P[],
  additions: Additions<T>,
): Extended<T, P> {
  const misfits: Misfit[] = [];
  const accepted: AddedStage<T>[] = [];
  let extended: readonly P[] = pipelines.map((pipeline) => ({
    ...pipeline,
    stages: pipeline.stages.map(pinned),
  }));
  for (const added of additions.stages) {
    const followers = accepted.filter((other) => standsBeside(other, added));
    const placed = extended.map((pipeline) => ({
      ...pipeline,
      stages: placedIn(pipeline.stages, added, followers),
    }));
    const found = misfitsOf(
      added,
      extended.map(({ stages }) => stages),
      placed.map(({ stages }) => stages),
    );
    misfits.push(...found);
    if (found.length > 0) continue;
    accepted.push(added);
    extended = placed;
  }
  const names = extended.flatMap(({ stages }) => stages.map(({ stage }) => stage));
  for (const { stage, key, file, problem } of additions.notes)
    if (names.includes(stage)) {
      if (problem !== null) misfits.push({ key: file, problem, fix: 'correct that file' });
    } else if (key !== null) misfits.push(noSuchStage(key, names));
  return { pipelines: extended, misfits };
}

/** An added stage must not become the place where a stage that was there sends its findings to. */
function pinned<T extends Stage>(stage: T, _at: number, pipeline: readonly T[]): T {
  return { ...stage, onReject: sendBackTarget(pipeline, stage.stage)?.stage ?? stage.onReject };
}

function standsBeside(one: AddedStage, other: AddedStage): boolean {
  return one.side === 'after' && other.side === 'after' && one.anchor === other.anchor;
}

/** Several stages after the same one stand there in the order of the file. */
function placedIn<T extends Stage>(
  stages: readonly T[],
  added: AddedStage<T>,
  followers: readonly AddedStage<T>[],
): readonly T[] {
  const anchor = stages.findIndex(({ stage }) => stage === added.anchor);
  if (anchor < 0) return stages;
  const last = Math.max(
    anchor,
    ...followers.map((other) => stages.findIndex(({ stage }) => stage === other.stage.stage)),
  );
  const at = added.side === 'before' ? anchor : last + 1;
  const before = stages.slice(0, at);
  const known = added.stage.onReject !== null && stageNamed(before, added.stage.onReject) !== null;
  // A target that does not come earlier here would let work jump forward, over the stages in between.
  return [...before, known ? added.stage : { ...added.stage, onReject: null }, ...stages.slice(at)];
}

function misfitsOf<T extends Stage>(
  { stage, side, anchor, writes, key }: AddedStage<T>,
  before: readonly (readonly T[])[],
  after: readonly (readonly T[])[],
): Misfit[] {
  const names = before.flatMap((stages) => stages.map((each) => each.stage));
  if (names.includes(stage.stage))
    return [
      {
        key: `${key}.stage`,
        problem: `is ${stage.stage}, which is a stage already and cannot be changed from here`,
        fix: 'give the added stage a name of its own',
      },
    ];
  if (!names.includes(anchor)) return [noSuchStage(`${key}.${side}`, names)];
  const walks = after
    .filter((stages) => stageNamed(stages, stage.stage) !== null)
    .map((stages) =>
      stages.slice(
        0,
        stages.findIndex((each) => each.stage === stage.stage),
      ),
    );
  const misfits: Misfit[] = [];
  if (walks.some((earlier) => earlier.some(({ kind }) => kind === 'deploy')))
    misfits.push({
      key: `${key}.${side}`,
      problem: 'comes after the merge',
      fix: 'place it before the stage that merges',
    });
  if (writes && walks.some((earlier) => earlier.some((each) => judges(each, stage))))
    misfits.push({
      key: `${key}.${side}`,
      problem: 'would change what a review or a person has already seen',
      fix: 'place a stage that writes before the first review and before every human stage, or use tools: read',
    });
  if (stage.onReject !== null && !walks.some((earlier) => stageNamed(earlier, stage.onReject ?? '') !== null))
    misfits.push({
      key: `${key}.on_reject`,
      problem: 'is not a stage that comes earlier',
      fix: 'name a stage before this one, or leave it out',
    });
  return misfits;
}

/** What a tester adds are tests, so it may come after a review, as in the default pipeline; after a person nothing may. */
function judges(earlier: Stage, writer: Stage): boolean {
  return earlier.kind === 'human' || (earlier.agent === 'reviewer' && writer.agent !== 'tester');
}

function noSuchStage(key: string, names: readonly string[]): Misfit {
  return {
    key,
    problem: 'is not a stage of this project',
    fix: `name one of ${[...new Set(names)].join(', ')}`,
  };
}
