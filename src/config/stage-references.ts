import { isName } from './fields.ts';
import type { Finding } from './problems.ts';
import { type Mapping, mapping, missingName, type Path } from './raw.ts';
import { defaultRole, defaultTools, KEYS_OF_KIND, type StageKind } from './stages.ts';

/** Rules between the stages of one pipeline, and between a stage and its account. */
export function checkPipeline(
  path: Path,
  stages: readonly Mapping[],
  own: readonly unknown[],
  accounts: Mapping,
): Finding[] {
  const names = stages.map(({ stage }) => stage);
  return stages.flatMap((stage, at) => {
    const here = [...path, at];
    const earlier = names.slice(0, at);
    const found = [
      ...checkKind(here, stage),
      ...checkMerge(here, stages, at),
      ...checkWhen(here, stages, at),
      ...checkBypass(here, stage, own, accounts),
    ];
    if (typeof stage.stage === 'string' && earlier.includes(stage.stage))
      found.push({
        path: [...here, 'stage'],
        problem: 'is the name of an earlier stage too',
        fix: 'give each stage its own name',
      });
    if (typeof stage.on_reject === 'string' && !earlier.includes(stage.on_reject)) {
      const choice = [...new Set(earlier)].filter((name) => typeof name === 'string' && isName(name));
      const fix =
        choice.length === 0
          ? 'remove it: no stage comes before this one'
          : `name one of ${choice.join(', ')}`;
      found.push({ path: [...here, 'on_reject'], problem: 'is not an earlier stage', fix });
    }
    if (stage.account !== undefined)
      found.push(...missingName([...here, 'account'], stage.account, Object.keys(accounts), 'account'));
    return found;
  });
}

/** What one stage alone has to say for its kind. */
export function checkKind(path: Path, stage: Mapping): Finding[] {
  const kind = kindOf(stage);
  if (kind === null) return [];
  const every = new Set(Object.values(KEYS_OF_KIND).flat());
  const found: Finding[] = Object.keys(stage)
    .filter((key) => every.has(key) && !KEYS_OF_KIND[kind].includes(key))
    .map((key) => ({
      path: [...path, key],
      problem: `means nothing in a stage of kind ${kind}`,
      fix: `remove it (it belongs to kind ${kindsWith(key).join(' or ')})`,
    }));
  if (kind === 'command' && stage.command === undefined)
    found.push({
      path: [...path, 'command'],
      problem: 'is missing',
      fix: 'add the command this stage runs',
      hideValue: true,
    });
  if (
    kind === 'agent' &&
    stage.agent === undefined &&
    typeof stage.stage === 'string' &&
    defaultRole(stage.stage) === null
  )
    found.push({
      path: [...path, 'agent'],
      problem: 'is missing',
      fix: 'add the role of this stage, such as agent: developer',
      hideValue: true,
    });
  return found;
}

function kindsWith(key: string): string[] {
  return Object.entries(KEYS_OF_KIND)
    .filter(([, keys]) => keys.includes(key))
    .map(([kind]) => kind);
}

/** Only the deploy stage merges; without one, the last stage does, and by itself only after a review. */
function checkMerge(path: Path, stages: readonly Mapping[], at: number): Finding[] {
  const stage = stages[at];
  if (stage?.merge === undefined || kindOf(stage) === 'deploy') return [];
  const key = [...path, 'merge'];
  if (at < stages.length - 1 || stages.some((other) => kindOf(other) === 'deploy'))
    return [
      {
        path: key,
        problem: 'does not belong here',
        fix: 'put it on the deploy stage, or on the last stage where there is none',
      },
    ];
  // A review that may be skipped is none to rely on.
  const reviewed = stages.some(
    (other) => other.when === undefined && (kindOf(other) === 'human' || roleOf(other) === 'reviewer'),
  );
  if (stage.merge !== 'auto' || reviewed) return [];
  return [
    {
      path: key,
      problem: 'is auto, but nothing in this pipeline is a review that always happens',
      fix: 'use manual, or add a review or human stage without when',
    },
  ];
}

/** A skipped stage must leave a pipeline that still makes a change: `paths` look at one, and somebody has to write it. */
function checkWhen(path: Path, stages: readonly Mapping[], at: number): Finding[] {
  const stage = stages[at];
  if (stage?.when === undefined || kindOf(stage) === 'deploy') return [];
  const first = stages.findIndex(writes);
  if (at === first)
    return [
      {
        path: [...path, 'when'],
        problem: 'would skip the first stage that writes',
        fix: 'remove it: without this stage there may be nothing to review or merge',
      },
    ];
  const { labels, paths } = mapping(stage.when);
  const none = (value: unknown) => value === undefined || (Array.isArray(value) && value.length === 0);
  if (none(labels) && none(paths))
    return [
      { path: [...path, 'when'], problem: 'asks for nothing', fix: 'name labels or paths, or remove it' },
    ];
  if (none(paths) || at > first) return [];
  return [
    {
      path: [...path, 'when', 'paths'],
      problem: 'looks at changes before any stage has written one',
      fix: 'use labels here, or place the stage after the first one that writes',
    },
  ];
}

function writes(stage: Mapping): boolean {
  if (kindOf(stage) !== 'agent') return false;
  return (stage.tools ?? (typeof stage.stage === 'string' ? defaultTools(stage.stage) : null)) === 'write';
}

function checkBypass(path: Path, stage: Mapping, own: readonly unknown[], accounts: Mapping): Finding[] {
  if (stage.permission !== 'bypass') return [];
  const used = stage.account === undefined ? own : [stage.account];
  const known = Object.keys(accounts).filter((id) => used.includes(id));
  const open = known.filter((id) => {
    const account = mapping(accounts[id]);
    return account.unsafe !== true && (account.sandbox === undefined || account.sandbox === 'none');
  });
  if (open.length === 0) return [];
  const names = open.filter(isName).join(', ');
  return [
    {
      path: [...path, 'permission'],
      problem: `is bypass, but the account has no sandbox (${names})`,
      fix: 'set a sandbox or unsafe: true on the account',
    },
  ];
}

function kindOf(stage: Mapping): StageKind | null {
  const kind = stage.kind ?? 'agent';
  return typeof kind === 'string' && Object.hasOwn(KEYS_OF_KIND, kind) ? (kind as StageKind) : null;
}

function roleOf(stage: Mapping): unknown {
  if (kindOf(stage) !== 'agent') return null;
  return stage.agent ?? (typeof stage.stage === 'string' ? defaultRole(stage.stage) : null);
}

export function needsAccount(stage: Mapping): boolean {
  return kindOf(stage) === 'agent' && stage.account === undefined;
}
