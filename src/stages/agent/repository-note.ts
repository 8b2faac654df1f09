import { Liquid } from 'liquidjs';
import { messageOf } from '../../core/errors.ts';

const MAX_RENDER_MS = 100;
const MAX_PARSED_CHARACTERS = 100_000;
const MAX_MEMORY = 1_000_000;

/** Template of a repository: bounded, and without a file system behind it. */
const liquid = new Liquid({
  strictVariables: true,
  strictFilters: true,
  ownPropertyOnly: true,
  templates: {},
  parseLimit: MAX_PARSED_CHARACTERS,
  renderLimit: MAX_RENDER_MS,
  memoryLimit: MAX_MEMORY,
});

/** Only what Orch itself says: text from outside would leave its fence here. */
export interface NoteVariables {
  readonly role: string;
  readonly project: string;
  readonly stage: string;
  readonly run: string;
  readonly branch: string;
  readonly base: string;
  readonly work: string;
  readonly key: string;
}

const SAMPLE: NoteVariables = {
  role: 'developer',
  project: 'api',
  stage: 'development',
  run: 'run_1',
  branch: 'orch/api-1',
  base: 'main',
  work: '.orch-work',
  key: 'API-1',
};

/** What is wrong with the prompt text of a repository; null when it can be used. Found before a token is spent. */
export function repositoryNoteProblem(text: string): string | null {
  try {
    const unknown = liquid
      .globalVariablesSync(liquid.parse(text), { partials: false })
      .filter((name) => !Object.hasOwn(SAMPLE, name));
    if (unknown.length > 0)
      return `uses ${unknown.join(', ')}, but only ${Object.keys(SAMPLE).join(', ')} are known here`;
    renderRepositoryNote(text, SAMPLE);
    return null;
  } catch (error) {
    return `is not a template that can be used: ${messageOf(error)}`;
  }
}

/** The text of a repository for one prompt. Throws where `repositoryNoteProblem` has words. */
export function renderRepositoryNote(text: string, variables: NoteVariables): string {
  return liquid.parseAndRenderSync(text, variables);
}
