import { absolute } from './build.ts';
import type { Finding } from './problems.ts';
import { type Mapping, mapping, walksOf } from './raw.ts';
import { promptFile } from './stages.ts';

export interface Prompts {
  /** Text by absolute path. */
  readonly texts: ReadonlyMap<string, string>;
  readonly findings: readonly Finding[];
}

/** Reads the prompt files that stages name, so that the configuration holds their text. */
export function readPrompts(
  raw: Mapping,
  there: { readonly directory: string; readonly userHome: string },
  readFile: (path: string) => string | null,
): Prompts {
  const texts = new Map<string, string>();
  const findings: Finding[] = [];
  for (const { path, stage } of stagesOf(raw)) {
    const file = typeof stage.prompt === 'string' ? promptFile(stage.prompt) : null;
    if (file === null) continue;
    const place = absolute(file, there);
    try {
      const text = readFile(place);
      if (text !== null && text.trim() !== '') texts.set(place, text);
      else
        findings.push({
          path: [...path, 'prompt'],
          problem: 'names a file that is missing or empty',
          fix: `write ${place}`,
        });
    } catch {
      // Whatever the reason, the operator has to make the file readable.
      findings.push({
        path: [...path, 'prompt'],
        problem: 'names a file that cannot be read',
        fix: `make ${place} readable`,
      });
    }
  }
  return { texts, findings };
}

function* stagesOf(raw: Mapping) {
  for (const [key, value] of Object.entries(mapping(raw.projects))) {
    for (const { path, stages } of walksOf(mapping(value), ['projects', key]))
      for (const [at, stage] of stages.entries()) yield { path: [...path, at], stage: mapping(stage) };
  }
}
