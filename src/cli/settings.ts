import { type AppOptions, vendors } from '../app.ts';
import { describeConfig } from '../config/describe.ts';
import {
  type ConfigEdit,
  type Draft,
  draftOf,
  lockOf,
  refuseFromElsewhere,
  revisionOf,
  writeDraft,
} from '../config/edit.ts';
import type { LoadedConfig } from '../config/load.ts';
import { problemLine } from '../config/problems.ts';
import { loadOptions, processConfig } from '../config/process.ts';
import { findingsOf } from './doctor.ts';
import type { Finding } from './finding.ts';

type Looks = Pick<NonNullable<AppOptions['looks']>, 'config' | 'settings'>;

/**
 * What the page and the API see and change of the configuration of this process. `inForce` resolves when the next
 * change of the file was acted on, or that took too long.
 */
export function settingsOfProcess(inForce: () => Promise<void>): Looks {
  return {
    config: () =>
      describeConfig(processConfig()).map((row) => ({ ...row, locked: lockOf(row, loadOptions()) })),
    settings: { revision: () => revisionOf(loadOptions()), change: (...of) => change(inForce, ...of) },
  };
}

/** The demo's configuration is made by its command, and not in a file. */
export function settingsOfDemo(loaded: LoadedConfig): Looks {
  return {
    config: () => describeConfig(loaded).map((row) => ({ ...row, locked: 'machine' })),
    settings: null,
  };
}

async function change(
  inForce: () => Promise<void>,
  edit: ConfigEdit,
  { test }: { readonly test: boolean },
): ReturnType<NonNullable<Looks['settings']>['change']> {
  const draft = draftOf(edit, loadOptions());
  refuseFromElsewhere(draft);
  const { changes, loaded } = draft;
  const findings = test ? await tried(draft) : [];
  if (!test && changes.length > 0) {
    const done = inForce();
    writeDraft(draft);
    await done;
  }
  return { changes, warnings: loaded.warnings.map(problemLine), findings };
}

/** `orch config set` and `unset`, for whoever is at the machine. */
export function changeHere(edit: ConfigEdit, { test }: { readonly test: boolean }): Draft {
  const draft = draftOf(edit, loadOptions());
  if (!test) writeDraft(draft);
  return draft;
}

/** What doctor sees of what a change is about, as if it were in force. */
async function tried({ changes, loaded }: Draft): Promise<Finding[]> {
  const isAbout = (group: string) =>
    changes.some(({ key }) =>
      TRIED[group] === undefined ? key.toLowerCase().includes(group) : TRIED[group].test(key),
    );
  const wanted = [...vendors().map(({ kind }) => kind), 'telegram', ...Object.keys(TRIED)];
  const found: Finding[] = [];
  for await (const finding of findingsOf(loaded, (group) => wanted.includes(group) && isAbout(group)))
    found.push(finding);
  return found;
}

/** Groups whose settings are not named after them. */
const TRIED: Readonly<Record<string, RegExp>> = {
  agents: /^accounts\.|^claude_|^agent_home$/,
  projects: /^projects\.[^.]+\.(?:repo|base)$/,
};
