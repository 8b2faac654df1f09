/** What a change touches that a person should look at twice. */
export const RISKS = ['ci', 'hooks', 'scripts', 'agent', 'orch', 'migration', 'secrets', 'lockfile'] as const;
export type Risk = (typeof RISKS)[number];

/** By path alone; any folder may hold a project of its own. */
const PATHS: readonly (readonly [Risk, RegExp])[] = [
  [
    'ci',
    /(^|\/)(\.github\/(workflows|actions)\/|\.gitea\/workflows\/|\.forgejo\/workflows\/|\.circleci\/|\.ci\/|\.buildkite\/|\.woodpecker(\/|\.ya?ml$)|\.gitlab-ci|\.travis\.ya?ml$|\.drone\.ya?ml$|azure-pipelines\.ya?ml$|bitbucket-pipelines\.ya?ml$|Jenkinsfile)/i,
  ],
  [
    'hooks',
    /(^|\/)(\.husky\/|\.githooks\/|\.git-hooks\/|hooks\/(pre|post|commit|prepare)-|\.pre-commit-config\.ya?ml$|lefthook\.ya?ml$|\.lintstagedrc|\.gitattributes$|\.gitmodules$)/i,
  ],
  [
    'scripts',
    /(^|\/)(setup\.py|build\.rs|binding\.gyp|\.npmrc|\.yarnrc(\.yml)?|\.envrc|conftest\.py|Makefile|Rakefile)$/i,
  ],
  [
    'agent',
    /(^|\/)(\.claude\/|\.codex\/|\.gemini\/|\.opencode\/|\.cursor\/|CLAUDE(\.local)?\.md$|AGENTS\.md$|GEMINI\.md$|\.mcp\.json$)/i,
  ],
  ['orch', /(^|\/)(\.orch\/|orch\.ya?ml$)/i],
  [
    'migration',
    /(^|\/)(migrations?\/|db\/migrate\/|alembic\/|flyway\/|liquibase\/|prisma\/schema\.prisma$)|\.sql$/i,
  ],
  [
    'secrets',
    /(^|\/)(\.env(\.(?!example|sample|template)[^/]+)?$|\.netrc$|\.pgpass$|id_(rsa|dsa|ecdsa|ed25519)$|credentials(\.json)?$|secrets?(\.|\/))|\.(pem|key|p12|pfx|jks|keystore|kdbx)$/i,
  ],
  [
    'lockfile',
    /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|Cargo\.lock|poetry\.lock|uv\.lock|Pipfile\.lock|Gemfile\.lock|composer\.lock|go\.sum)$/i,
  ],
];

/** Run by a package manager without being asked; a line that was added to or taken from the manifest. */
const LIFECYCLE = /^[+-]\s*"(pre|post)?(install|prepare|publish|pack|version|uninstall|rebuild)(Only)?"\s*:/m;
const MANIFEST = /(^|\/)(package|composer)\.json$/;

/** Of one file; `patch` is its part of the change, where it is at hand. */
export function risksOf(path: string, patch: string | null): Risk[] {
  const found = PATHS.filter(([, pattern]) => pattern.test(path)).map(([risk]) => risk);
  if (MANIFEST.test(path) && (patch === null || LIFECYCLE.test(patch)) && !found.includes('scripts'))
    found.push('scripts');
  return found;
}

/** Each file's part of a patch, by the path it has afterwards. */
export function partsOfPatch(patch: string): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  for (const part of patch.split(/^(?=diff --git )/m)) {
    const after = /^\+\+\+ (?:"?b\/)(.*?)"?$/m.exec(part)?.[1];
    const before = /^--- (?:"?a\/)(.*?)"?$/m.exec(part)?.[1];
    const path = after ?? before;
    if (path !== undefined) parts.set(path, part);
  }
  return parts;
}
