/**
 * Tells whether a path matches a pattern: `*` and `?` stay inside a folder, `**` crosses folders, and
 * `**` with a slash behind it is any number of folders, none included. Paths come from agents and
 * repositories, so a match takes time in proportion to both lengths, whatever they are; a regular
 * expression with several stars does not.
 */
export function pathPattern(pattern: string): (path: string) => boolean {
  const tokens = pattern.match(/\*\*\/|\*\*|[\s\S]/g) ?? [];
  const plain = pattern.slice(0, Math.max(0, pattern.search(/[*?]|$/)));
  return (path) => {
    if (!path.startsWith(plain)) return false;
    let places = reached(tokens, new Set([0]));
    for (const char of path.split('')) {
      places = reached(tokens, after(char, tokens, places));
      if (places.size === 0) return false;
    }
    return places.has(tokens.length);
  };
}

const MAY_BE_NOTHING: readonly (string | undefined)[] = ['**/', '**', '*'];

/** Adds the places behind tokens that may match nothing; a set visits what is added while it is walked. */
function reached(tokens: readonly string[], places: Set<number>): Set<number> {
  for (const at of places) if (at >= 0 && MAY_BE_NOTHING.includes(tokens[at])) places.add(at + 1);
  return places;
}

/** Where one more character leads. Inside a folder of the token `at` the place is `-1 - at`. */
function after(char: string, tokens: readonly string[], places: ReadonlySet<number>): Set<number> {
  const next = new Set<number>();
  for (const at of places) {
    const token = at < 0 ? 'folder' : tokens[at];
    if (token === 'folder') next.add(char === '/' ? -1 - at : at);
    else if (token === '**') next.add(at);
    else if (token === '**/' && char !== '/') next.add(-1 - at);
    else if (token === '*' && char !== '/') next.add(at);
    else if (token === char || (token === '?' && char !== '/')) next.add(at + 1);
  }
  return next;
}
