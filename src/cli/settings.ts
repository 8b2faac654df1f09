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
import { telegramGroup } from './doctor.ts';
import type { Finding } from './finding.ts';
import { vendorGroup } from './vendors.ts';

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

/** What doctor sees of the vendors that a change is about, as if it were in force. */
async function tried({ changes, loaded }: Draft): Promise<Finding[]> {
  const found: Finding[] = [];
  const about = (kind: string) =>
    changes.some(({ key }) => key.toLowerCase().includes(kind) || /\.(?:tracker|forge)\b/.test(key));
  for (const vendor of vendors())
    if (about(vendor.kind)) for await (const finding of vendorGroup(vendor, loaded)) found.push(finding);
  if (about('telegram')) for await (const finding of telegramGroup(loaded)) found.push(finding);
  return found;
}
