// Loaded before every test file: a developer's own Orch, Claude or git settings must not leak into tests.
const KEPT = new Set(['ORCH_SHARED_DIR', 'ORCH_REAL_CLI_CACHE']);
const GIT_PLACES = new Set([
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_COMMON_DIR',
]);

for (const name of Object.keys(process.env)) {
  if (KEPT.has(name) || name.startsWith('ORCH_TEST_')) continue;
  if (/^(ORCH|ANTHROPIC|CLAUDE)_/.test(name) || name === 'CLAUDECODE' || GIT_PLACES.has(name)) {
    delete process.env[name];
  }
}
