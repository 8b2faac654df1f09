/** End of a log that is shown; the failure is there. */
const LOG_LINES = 80;
export const LOG_CHARACTERS = 6000;
/** Logs read for one look. */
export const MAX_LOGS = 5;

/** The last lines, without the times that Actions puts before each, and without colours. */
export function tailOf(log: string): string {
  const lines = log
    .trimEnd()
    .split(/\r?\n/)
    .slice(-LOG_LINES)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
    .map((line) => line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, '').replaceAll(/\u001b\[[\d;]*[A-Za-z]/g, ''));
  return lines.join('\n').slice(-LOG_CHARACTERS);
}
