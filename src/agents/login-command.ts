/** A command for a person's shell: variables, then words, each quoted where a shell would take it apart. */
export function shellCommand(variables: Readonly<Record<string, string>>, words: readonly string[]): string {
  return [
    ...Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}`),
    ...words.map(quote),
  ].join(' ');
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
