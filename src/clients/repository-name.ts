/** A repository as the API names it. */
export interface RepositoryName {
  readonly owner: string;
  readonly name: string;
}

/** `owner/name` as a person writes it; null when it is something else. */
export function repositoryName(text: string): RepositoryName | null {
  const match = /^([\w.-]+)\/([\w.-]+)$/.exec(text);
  return match === null ? null : { owner: match[1] ?? '', name: match[2] ?? '' };
}

/** The repository that a git address leads to: its last two parts. Null for a path on disk. */
export function repositoryOfAddress(address: string): RepositoryName | null {
  const below =
    /^(?:https?|ssh):\/\/[^/]+\/(.+)$/.exec(address)?.[1] ?? /^[^/@]+@[^/:]+:(.+)$/.exec(address)?.[1];
  const parts =
    below
      ?.replace(/\/+$/, '')
      .replace(/\.git$/, '')
      .split('/') ?? [];
  return parts.length < 2 ? null : repositoryName(parts.slice(-2).join('/'));
}

/** Hosts take names in any case. */
export function isSameRepository({ owner, name }: RepositoryName, place: string): boolean {
  return `${owner}/${name}`.toLowerCase() === place.toLowerCase();
}

/** What is wrong with `repo` under tracker or forge, before anything is created; null = nothing. */
export function repositoryTrouble(
  repo: unknown,
  address: string,
): { readonly key: string; readonly problem: string; readonly fix: string } | null {
  const fix = 'write it as owner/name';
  if (typeof repo === 'string' && repositoryName(repo) === null)
    return { key: 'repo', problem: 'is not owner/name', fix };
  if (repo === undefined && repositoryOfAddress(address) === null)
    return { key: 'repo', problem: 'is missing, and the git address names no owner and name', fix };
  return null;
}
