import { type FailureRule, SAYS } from '../api-error.ts';

/** First match wins. Recordings are in `test/fixtures/agent-logs/gemini`. */
export const FAILURE_RULES: readonly FailureRule[] = [
  {
    rule: 'gemini.exit.auth',
    verdict: 'auth',
    seen: 'auth-not-configured-json',
    when: ({ code, text }) =>
      code === 'auth' ||
      code === 'FatalAuthenticationError' ||
      /please set an auth method|must specify the GEMINI_API_KEY|VALIDATION_REQUIRED/i.test(text),
  },
  {
    rule: 'gemini.exit.untrusted',
    verdict: 'permanent',
    seen: 'permanent-untrusted-folder',
    when: ({ code, text }) =>
      code === 'untrusted' ||
      code === 'FatalUntrustedWorkspaceError' ||
      /not running in a trusted directory/i.test(text),
  },
  {
    rule: 'gemini.limit.turns',
    verdict: 'permanent',
    seen: 'documented exit code 53',
    when: ({ code, text }) =>
      code === 'turn_limit' || code === 'FatalTurnLimitedError' || /reached max session turns/i.test(text),
    ownLimit: true,
  },
  {
    rule: 'gemini.exit.request',
    verdict: 'permanent',
    seen: 'documented exit codes 42, 44, 52, 54',
    when: ({ code }) =>
      /^(?:input|sandbox|config|tool|Fatal(?:Input|Sandbox|Config|ToolExecution)Error)$/.test(code),
  },
  {
    rule: 'gemini.exit.cancelled',
    verdict: 'lost',
    seen: 'documented exit code 130, without our stop',
    when: ({ code }) => code === 'cancelled' || code === 'FatalCancellationError',
  },
  {
    rule: 'gemini.words.usage_error',
    verdict: 'permanent',
    seen: 'messages of the option parser',
    when: ({ text, status }) =>
      status === null &&
      /^(?:unknown arguments?:|invalid values:|not enough arguments|no input provided via stdin)/im.test(
        text,
      ),
  },
  {
    rule: 'gemini.api.quota',
    verdict: 'usage_limit',
    seen: 'usage-limit-daily-json',
    when: (error) =>
      error.code === 'terminal_quota' ||
      /QUOTA_EXHAUSTED|INSUFFICIENT_G1_CREDITS/.test(error.type) ||
      /exhausted your (?:daily quota|capacity)|quota will reset (?:after|at)|per ?day\b/i.test(error.text) ||
      (error.code !== 'retryable_quota' && SAYS.planLimit(error)),
  },
  {
    rule: 'gemini.api.auth',
    verdict: 'auth',
    seen: 'auth-invalid-key-json',
    when: (error) =>
      SAYS.signedOut(error) ||
      /^(?:API_KEY_\w+|UNAUTHENTICATED|PERMISSION_DENIED|ACCESS_TOKEN_\w+)$/.test(error.type),
  },
  {
    rule: 'gemini.api.server',
    verdict: 'transient',
    seen: 'transient-503-json',
    when: (error) =>
      SAYS.serverTrouble(error) || /^(?:UNAVAILABLE|INTERNAL|DEADLINE_EXCEEDED|ABORTED)$/.test(error.type),
  },
  {
    rule: 'gemini.api.rate_limit',
    verdict: 'transient',
    seen: 'published name and message of a quota a minute',
    when: (error) =>
      SAYS.rate(error) || error.code === 'retryable_quota' || error.type === 'RESOURCE_EXHAUSTED',
  },
  {
    rule: 'gemini.api.model',
    verdict: 'permanent',
    seen: 'permanent-bad-model-json',
    when: ({ status, text }) => status === 404 || /\bmodels\/\S+ is not found\b|model not found/i.test(text),
  },
  {
    rule: 'gemini.api.request',
    verdict: 'permanent',
    seen: 'API errors 400 to 499 that no row above names',
    when: SAYS.badRequest,
  },
  {
    rule: 'gemini.words.request',
    verdict: 'permanent',
    seen: 'words of the APIs, for errors without a status',
    when: SAYS.requestWords,
  },
  {
    rule: 'gemini.words.auth',
    verdict: 'auth',
    seen: 'words of the recordings above, on stderr alone',
    when: SAYS.authWords,
  },
  {
    rule: 'gemini.words.usage_limit',
    verdict: 'usage_limit',
    seen: 'words of the recordings above, on stderr alone',
    when: SAYS.planWords,
  },
  {
    rule: 'gemini.words.transient',
    verdict: 'transient',
    seen: 'words of the recordings above, on stderr alone',
    when: SAYS.transientWords,
  },
];
