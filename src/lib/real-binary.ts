import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/**
 * The file that starting `bin` would run, links followed; a bare name is looked up on `searchPath`. Null
 * when there is none that this user may run.
 */
export async function realBinary(bin: string, searchPath: string): Promise<string | null> {
  const places = bin.includes('/')
    ? [bin]
    : searchPath.split(delimiter).map((folder) => join(folder === '' ? '.' : folder, bin));
  for (const place of places) {
    // Not there, not for this user, or gone between the two looks: the next one.
    const found = await access(place, constants.X_OK)
      .then(() => realpath(place))
      .catch(() => null);
    if (found !== null) return found;
  }
  return null;
}
