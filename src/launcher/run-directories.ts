import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { runName } from '../core/model.ts';

/** Of the records in a run directory; grows when an older build could misread them. Absent is 1. */
export const RUN_FORMAT = 1;

/** Ids of the runs that have a directory, in no order. */
export async function runsOnDisk(runsDir: string): Promise<number[]> {
  const names = await readdir(runsDir).catch(() => []); // none was made yet
  return names.flatMap((name) => {
    const id = Number(/^run_(\d+)$/.exec(name)?.[1] ?? Number.NaN);
    return Number.isSafeInteger(id) && name === runName(id) ? [id] : [];
  });
}

/** Throws `run.newer_format` when a newer build made this directory: what it says could be misread. */
export function refuseNewerFormat(directory: string): void {
  const format = formatOf(directory);
  if (format <= RUN_FORMAT) return;
  throw new AppError(
    `the run in ${directory} was started by a newer build of Orch (record format ${format}, this one knows ${RUN_FORMAT})`,
    {
      code: 'run.newer_format',
      hint: 'start the newer build again, at least until this run is settled; nothing was ended',
      facts: { format, known: RUN_FORMAT },
    },
  );
}

function formatOf(directory: string): number {
  try {
    const record: unknown = JSON.parse(readFileSync(join(directory, 'run.json'), 'utf8'));
    const isNamed = typeof record === 'object' && record !== null && 'format' in record;
    return isNamed && typeof record.format === 'number' ? record.format : 1;
  } catch {
    return 1; // not there, or cut off: nothing was started from it
  }
}
