import { z } from 'zod';
import type { AddedStage, Additions, Misfit, PromptNote } from '../core/additions.ts';
import { buildStage } from './build.ts';
import { text } from './fields.ts';
import { settledNulls } from './nulls.ts';
import { type Finding, findingsOf, keyOf } from './problems.ts';
import { list, type Mapping, mapping } from './raw.ts';
import type { SchemaNode } from './schema.ts';
import { checkKind } from './stage-references.ts';
import { defaultRole, stageSchema } from './stages.ts';
import type { Role, StageConfig } from './types.ts';
import { parseYaml } from './yaml-file.ts';

const FILE = '.orch/pipeline.yaml';
const MISNAMED = '.orch/pipeline.yml';
const PROMPTS = '.orch/prompts/';

/** What is read of a repository, and of its base branch only. */
export const REPOSITORY_FILES: readonly string[] = [FILE, MISNAMED, `${PROMPTS}*.md`];

const MAX_FILE_CHARACTERS = 64 * 1024;
const MAX_NOTE_CHARACTERS = 32 * 1024;
const MAX_ENTRIES = 20;
const MAX_ROUNDS = 10;

const stageName = () => stageSchema.shape.stage;
const promptName = () =>
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.md$/, { error: 'is no file name' });
const pattern = z.string().min(1).max(200);

const addedStage = z.strictObject({
  ...stageSchema.pick({
    stage: true,
    agent: true,
    tools: true,
    model: true,
    fallback_model: true,
    effort: true,
    timeout: true,
    stall: true,
    on_reject: true,
    command: true,
  }).shape,
  kind: z.enum(['agent', 'human', 'command']).default('agent'),
  max_rounds: z.int().min(1).max(MAX_ROUNDS).default(3),
  after: stageName().optional(),
  before: stageName().optional(),
  prompt: promptName()
    .meta({ examples: ['security.md'] })
    .optional(),
  when: z
    .strictObject({
      labels: z.array(text()).max(MAX_ENTRIES).default([]),
      paths: z.array(pattern).max(MAX_ENTRIES).default([]),
    })
    .optional(),
});

const repositoryPipeline = z.strictObject({
  checks: z.array(text()).max(MAX_ENTRIES).default([]),
  stages: z.array(addedStage).max(MAX_ENTRIES).default([]),
  approvals: z.array(stageName()).max(MAX_ENTRIES).default([]),
  prompts: z.record(z.string(), promptName().meta({ examples: ['development.md'] })).default({}),
});

const root = z.toJSONSchema(repositoryPipeline, { io: 'input' }) as SchemaNode;

export interface RepositoryFile {
  readonly path: string;
  readonly text: string;
  readonly truncated: boolean;
}

/** What the files add, and what is wrong with them; with a problem nothing counts. */
export interface RepositoryPipeline {
  readonly additions: Additions<StageConfig>;
  readonly problems: readonly Misfit[];
}

/**
 * Reads what a repository adds to the pipelines of its project. The shape itself has no word for
 * taking something away, for an account, a sandbox, a permission or the merge; whether the parts fit
 * the pipelines is for `extendPipelines` to say. `noteProblem` tells what is wrong with a prompt.
 */
export function readRepositoryPipeline(
  files: readonly RepositoryFile[],
  noteProblem: (text: string) => string | null,
): RepositoryPipeline {
  const file = files.find(({ path }) => path === FILE);
  const yaml = parseYaml(file?.text.slice(0, MAX_FILE_CHARACTERS) ?? '', FILE);
  const raw = settledNulls(yaml.raw, root);
  const parsed = repositoryPipeline.safeParse(raw);
  const notes = readNotes(files, raw, noteProblem);
  const problems = [
    ...sizeProblems(file),
    ...(files.some(({ path }) => path === MISNAMED)
      ? [{ key: MISNAMED, problem: 'is not read', fix: `name it ${FILE}` }]
      : []),
    ...yaml.findings.map(asMisfit),
    ...(parsed.success ? [] : findingsOf(parsed.error, root, raw).map(asMisfit).map(onlyAdds)),
    ...list(raw['stages']).flatMap((stage, at) => checkAdded(['stages', at], mapping(stage))),
    ...notes.problems,
  ];
  if (problems.length > 0 || !parsed.success)
    return { additions: { stages: [], checks: [], notes: [] }, problems: firstOfEach(problems) };
  const { checks, stages, approvals } = parsed.data;
  return {
    additions: {
      checks,
      stages: [...stages.map(builtStage), ...approvals.map(approvalStage)],
      notes: notes.notes,
    },
    problems,
  };
}

/** One thing wrong with a key is enough to be told. */
function firstOfEach(problems: readonly Misfit[]): Misfit[] {
  return [...Map.groupBy(problems, ({ key }) => key).values()].flatMap(([first]) => first ?? []);
}

function sizeProblems(file: RepositoryFile | undefined): Misfit[] {
  if (file === undefined || file.text.length <= MAX_FILE_CHARACTERS) return [];
  return [{ key: FILE, problem: 'is larger than 64 KiB', fix: 'keep only what it adds' }];
}

function asMisfit({ path, problem, fix }: Finding): Misfit {
  return { key: path.length === 1 && path[0] === FILE ? FILE : keyOf(path), problem, fix };
}

/** An unknown key is a slip, or something that a repository may not say; the words serve both. */
function onlyAdds(misfit: Misfit): Misfit {
  if (misfit.problem !== 'is not a known key' || misfit.fix.startsWith('did you mean')) return misfit;
  return {
    ...misfit,
    problem: 'is not for a repository to say',
    fix: `${misfit.fix}; whatever is not added here, the operator decides in orch.yaml`,
  };
}

function checkAdded(path: readonly PropertyKey[], stage: Mapping): Misfit[] {
  const found = checkKind(path, stage);
  if ((stage['after'] === undefined) === (stage['before'] === undefined))
    found.push({
      path: [...path, 'after'],
      problem: stage['after'] === undefined ? 'is missing' : 'is there beside before',
      fix: 'place the stage with after or with before: the name of a stage that is there',
    });
  const when = mapping(stage['when']);
  if (stage['when'] !== undefined && list(when['labels']).length + list(when['paths']).length === 0)
    found.push({
      path: [...path, 'when'],
      problem: 'asks for nothing',
      fix: 'name labels or paths, or remove it',
    });
  const role = roleOf(stage);
  if ((stage['kind'] ?? 'agent') === 'agent') {
    if (stage['tools'] === 'write' && role !== null && !WRITERS.includes(role))
      found.push({
        path: [...path, 'tools'],
        problem: `is write, but a ${role} may not change files`,
        fix: 'use tools: read, or the role developer or tester',
      });
    if (stage['tools'] === 'read' && role === 'developer')
      found.push({
        path: [...path, 'tools'],
        problem: 'is read, but a developer has to change files',
        fix: 'use another role, such as reviewer',
      });
    if (role === 'deployer')
      found.push({
        path: [...path, 'agent'],
        problem: 'is deployer, which is not for a repository to say',
        fix: 'use another role',
      });
  }
  return found.map(asMisfit);
}

const WRITERS: readonly string[] = ['developer', 'tester'];

function roleOf(stage: Mapping): Role | null {
  const { agent, stage: name } = stage;
  return (agent ?? (typeof name === 'string' ? defaultRole(name) : null)) as Role | null;
}

function builtStage(stage: z.output<typeof addedStage>, at: number): AddedStage<StageConfig> {
  const { after, before, prompt: _, ...settings } = stage;
  const writes = stage.kind === 'agent' && WRITERS.includes(roleOf(stage) ?? '') && stage.tools !== 'read';
  return {
    stage: plainStage({ ...settings, tools: writes ? 'write' : 'read' }),
    side: before === undefined ? 'after' : 'before',
    anchor: before ?? after ?? '',
    writes,
    key: `stages[${at}]`,
  };
}

function approvalStage(anchor: string, at: number): AddedStage<StageConfig> {
  const stage = plainStage({ stage: `${anchor}-approval`, kind: 'human', max_rounds: MAX_ROUNDS });
  return { stage, side: 'after', anchor, writes: false, key: `approvals[${at}]` };
}

/** A stage with nothing in it that only an operator may say. */
function plainStage(
  settings: Omit<Parameters<typeof buildStage>[0], 'permission' | 'reviewers'>,
): StageConfig {
  return buildStage(
    { ...settings, permission: 'default', reviewers: [] },
    { directory: '/', userHome: '/', promptText: () => '' },
  );
}

/** Prompt files: those that the file names, and those that are called like a stage. */
function readNotes(
  files: readonly RepositoryFile[],
  raw: Mapping,
  noteProblem: (text: string) => string | null,
): { notes: PromptNote[]; problems: Misfit[] } {
  const prompts = new Map(
    files
      .filter(({ path }) => path.startsWith(PROMPTS))
      .map((file) => [file.path.slice(PROMPTS.length), file]),
  );
  const noteOf = (stage: string, file: RepositoryFile, key: string | null): PromptNote => {
    const long = file.truncated || file.text.length > MAX_NOTE_CHARACTERS;
    const problem = long ? 'is larger than 32 KiB' : noteProblem(file.text);
    return { stage, text: file.text, file: file.path, key, problem };
  };
  const named = [...stagePrompts(raw), ...Object.entries(mapping(raw['prompts'])).map(mapEntry)];
  const notes: PromptNote[] = [];
  const problems: Misfit[] = [];
  for (const { stage, name, key } of named) {
    const file = typeof name === 'string' ? prompts.get(name) : undefined;
    if (file !== undefined) notes.push(noteOf(stage, file, key));
    else
      problems.push({ key, problem: 'names a prompt that is not there', fix: `name a file in ${PROMPTS}` });
  }
  for (const [name, file] of prompts) {
    const stage = name.replace(/\.md$/, '');
    if (!named.some((each) => each.stage === stage)) notes.push(noteOf(stage, file, null));
  }
  return { notes, problems };
}

function stagePrompts(raw: Mapping): { stage: string; name: unknown; key: string }[] {
  return list(raw['stages']).flatMap((value, at) => {
    const { stage, prompt } = mapping(value);
    return typeof stage === 'string' && prompt !== undefined
      ? [{ stage, name: prompt, key: keyOf(['stages', at, 'prompt']) }]
      : [];
  });
}

function mapEntry([stage, name]: [string, unknown]): { stage: string; name: unknown; key: string } {
  return { stage, name, key: keyOf(['prompts', stage]) };
}
