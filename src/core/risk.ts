/** What a changed file may do beyond its own text: a person who approves is told. */
export type Risk = 'agent' | 'ci' | 'hooks' | 'lifecycle' | 'migration' | 'secrets' | 'deploy';

const RULES: readonly (readonly [Risk, RegExp])[] = [
  ['agent', /(^|\/)(\.claude|\.codex|\.opencode|\.gemini|\.orch)\/|(^|\/)(CLAUDE|AGENTS|GEMINI)\.md$/i],
  [
    'ci',
    /^\.(github|gitea|forgejo|circleci|woodpecker|buildkite)\/|(^|\/)\.(gitlab-ci|travis|drone|woodpecker)\.ya?ml$|(^|\/)(Jenkinsfile|azure-pipelines\.ya?ml)$|^\.ci\//i,
  ],
  [
    'hooks',
    /(^|\/)(\.husky|\.githooks|hooks)\/|(^|\/)(lefthook|\.pre-commit-config)\.ya?ml$|(^|\/)\.gitattributes$/i,
  ],
  [
    'lifecycle',
    /(^|\/)(package\.json|\.npmrc|\.yarnrc(\.yml)?|setup\.py|pyproject\.toml|build\.rs|Makefile|Rakefile|\.envrc)$/i,
  ],
  ['migration', /(^|\/)(migrations?|migrate|db\/schema)(\/|\.)|\.sql$/i],
  ['secrets', /(^|\/)\.env(\.|$)|\.(pem|key|p12|pfx|keystore)$|(^|\/)(secrets?|credentials?)(\.|\/)/i],
  [
    'deploy',
    /(^|\/)(Dockerfile|docker-compose[^/]*|compose\.ya?ml|deploy(\.[^/]*)?)$|\.(tf|tfvars)$|(^|\/)(k8s|helm|deploy)\//i,
  ],
];

/** The first rule that fits a path; null for a file that is only itself. */
export function riskOf(path: string): Risk | null {
  return RULES.find(([, pattern]) => pattern.test(path))?.[0] ?? null;
}
