import type { DestinationKind } from '../core/destination-kind.ts';
import { FULL, QUICK } from '../core/pipeline-choice.ts';
import { isName, isVariable } from './fields.ts';
import { checkPipelines } from './pipeline-references.ts';
import type { Finding } from './problems.ts';
import { list, type Mapping, mapping, missingName, type Path, walksOf } from './raw.ts';
import { envName } from './settings.ts';
import { checkPipeline, needsAccount } from './stage-references.ts';
import { DEFAULT_PIPELINE, QUICK_PIPELINE } from './stages.ts';
import type { Kinds } from './types.ts';

/**
 * Rules that span several keys. They look at the file as written, with no trust in its shape, so
 * that they can be told together with what the schema finds.
 */
export function checkReferences(
  raw: Mapping,
  {
    hasAgentHome,
    isSet,
    kinds,
  }: { hasAgentHome: boolean; isSet: (setting: string) => boolean; kinds: Kinds },
): Finding[] {
  const accounts = mapping(raw.accounts);
  const projects = mapping(raw.projects);
  return [
    ...Object.entries(accounts).flatMap(([id, account]) => checkAccount(id, mapping(account), hasAgentHome)),
    ...Object.entries(projects).flatMap(([key, project]) => checkProject(key, mapping(project), accounts)),
    ...Object.entries(projects).flatMap(([key, project]) => [
      ...unmetNeeds(['projects', key, 'tracker'], mapping(project).tracker, kinds.trackers, isSet),
      ...unmetNeeds(['projects', key, 'forge'], mapping(project).forge, kinds.forges, isSet),
      ...wrongTogether(['projects', key, 'tracker'], mapping(project), kinds.trackers),
      ...wrongTogether(['projects', key, 'forge'], mapping(project), kinds.forges),
    ]),
    ...Object.keys(mapping(raw.notify)).flatMap((kind) => missingNotifier(kind, kinds.notifiers)),
    ...notified(raw).flatMap(([path, key]) => missingName(path, key, Object.keys(projects), 'project')),
  ];
}

/** A tracker or forge that is named, while nothing says where it is or how Orch signs in there. */
function unmetNeeds(
  path: Path,
  destination: unknown,
  kinds: readonly DestinationKind[],
  isSet: (setting: string) => boolean,
): Finding[] {
  const named = kinds.find(({ kind }) => kind === mapping(destination).kind);
  const missing = named?.needs.filter((setting) => !isSet(setting)) ?? [];
  if (named === undefined || missing.length === 0) return [];
  const names = missing.map(envName);
  return [
    {
      path: [...path, 'kind'],
      problem: `needs ${names.join(' and ')}, which ${names.length === 1 ? 'is' : 'are'} not set`,
      fix: `set ${names.join(' and ')}; orch init asks for what is needed`,
    },
  ];
}

/** What a kind itself says of its keys; the git address counts once it is text. */
function wrongTogether(path: Path, project: Mapping, kinds: readonly DestinationKind[]): Finding[] {
  const destination = mapping(project[String(path.at(-1))]);
  const named = kinds.find(({ kind }) => kind === destination.kind);
  const repo = typeof project.repo === 'string' ? project.repo : '';
  return (named?.check?.(destination, repo) ?? []).map(({ key, problem, fix }) => ({
    ...{ path: [...path, key], problem, fix },
    hideValue: destination[key] === undefined,
  }));
}

function checkAccount(id: string, account: Mapping, hasAgentHome: boolean): Finding[] {
  const path = ['accounts', id];
  const found = [...badName(path, id), ...badVariables([...path, 'env'], account.env)];
  if (!('home' in account) && !hasAgentHome)
    found.push({
      path: [...path, 'home'],
      problem: 'is missing',
      fix: 'add it, or set ORCH_AGENT_HOME',
      hideValue: true,
    });
  return found;
}

function checkProject(key: string, project: Mapping, accounts: Mapping): Finding[] {
  const path = ['projects', key];
  const found = [
    ...badName(path, key),
    ...badVariables([...path, 'workspace', 'env'], mapping(project.workspace).env),
  ];
  const own = list(project.accounts);
  own.forEach((id, at) => {
    found.push(...missingName([...path, 'accounts', at], id, Object.keys(accounts), 'account'));
    if (own.indexOf(id) < at)
      found.push({
        path: [...path, 'accounts', at],
        problem: 'is there twice',
        fix: 'remove one of the two',
      });
  });
  const pipelines = mapping(project.pipelines);
  for (const name of Object.keys(pipelines)) found.push(...badName([...path, 'pipelines', name], name));
  found.push(...checkPipelines([...path, 'pipelines'], pipelines, project.pipeline !== undefined));
  const walks = walksOf(project, path);
  for (const walk of walks) found.push(...checkPipeline(walk.path, walk.stages.map(mapping), own, accounts));
  const known = [
    ...walks.map(({ stages }) => stages),
    ...(project.pipeline !== undefined || walks.some(({ name }) => name === FULL) ? [] : [DEFAULT_PIPELINE]),
    ...(QUICK in pipelines && !walks.some(({ name }) => name === QUICK) ? [QUICK_PIPELINE] : []),
  ];
  const lonely = own.length > 0 ? [] : known.flatMap((stages) => stages.map(mapping).filter(needsAccount));
  if (lonely.length > 0) found.push(noAccount(path, lonely, accounts));
  return found;
}

function noAccount(path: Path, stages: readonly Mapping[], accounts: Mapping): Finding {
  const names = [...new Set(stages.map(({ stage }) => stage))].filter(
    (name) => typeof name === 'string' && isName(name),
  );
  const [first] = Object.keys(accounts).filter(isName);
  const fix =
    first === undefined ? 'define an account under accounts and name it here' : `add accounts: [${first}]`;
  const problem = `is missing, but these stages run an agent: ${names.join(', ')}`;
  return { path: [...path, 'accounts'], problem, fix, hideValue: true };
}

const NOTIFIERS = ['telegram', 'webhook'];

function missingNotifier(kind: string, available: readonly string[]): Finding[] {
  if (!NOTIFIERS.includes(kind) || available.includes(kind)) return [];
  return [
    {
      path: ['notify', kind],
      problem: 'is not available in this version',
      fix: 'remove it',
      hideValue: true,
    },
  ];
}

function notified(raw: Mapping): [Path, unknown][] {
  const notify = mapping(raw.notify);
  return NOTIFIERS.flatMap((kind) =>
    list(mapping(notify[kind]).projects).map((key, at): [Path, unknown] => [
      ['notify', kind, 'projects', at],
      key,
    ]),
  );
}

function badName(path: Path, name: string): Finding[] {
  if (isName(name)) return [];
  const fix = 'use letters, digits, dot, dash and underscore, at most 63, a letter or digit first';
  return [{ path, problem: 'is not a usable name', fix, hideValue: true }];
}

function badVariables(path: Path, env: unknown): Finding[] {
  return Object.keys(mapping(env))
    .filter((key) => !isVariable(key))
    .map((key) => ({
      path: [...path, key],
      problem: 'is not a usable variable name',
      fix: 'use letters, digits and underscore; ORCH_ is reserved',
      hideValue: true,
    }));
}
