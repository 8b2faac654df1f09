import { type FailureRule, SAYS } from '../api-error.ts';

/** First match wins. Recordings are in `test/fixtures/agent-logs/copilot`; other names are those that the CLI publishes. */
export const FAILURE_RULES: readonly FailureRule[] = [
  {
    rule: 'copilot.words.usage_error',
    verdict: 'permanent',
    seen: 'permanent-unknown-flag',
    when: ({ text }) =>
      /^error: (?:invalid command format|unknown (?:option|command)|option '|too many arguments|missing required)/im.test(
        text,
      ),
  },
  {
    rule: 'copilot.limit.credits',
    verdict: 'permanent',
    seen: 'documented option --max-ai-credits',
    when: ({ text }) => /max[- ]ai[- ]credits/i.test(text),
    ownLimit: true,
  },
  {
    rule: 'copilot.session.context',
    verdict: 'permanent',
    seen: 'published name',
    when: ({ code, status }) => code === 'context_limit' || status === 413,
  },
  {
    rule: 'copilot.session.quota',
    verdict: 'usage_limit',
    seen: 'published name',
    when: (error) =>
      /^(?:quota|quota_exceeded|user_(?:weekly|monthly|session)_rate_limited)$/.test(error.code) ||
      SAYS.planLimit(error) ||
      /\bno quota\b|premium requests? (?:allowance|limit|quota)/i.test(error.text),
  },
  {
    rule: 'copilot.session.auth',
    verdict: 'auth',
    seen: 'auth-invalid-key-json',
    when: (error) => /^(?:authentication|authorization)$/.test(error.code) || SAYS.signedOut(error),
  },
  {
    rule: 'copilot.session.rate_limit',
    verdict: 'transient',
    seen: 'transient-429-json',
    when: (error) => error.code === 'rate_limit' || SAYS.rate(error),
  },
  {
    rule: 'copilot.session.server',
    verdict: 'transient',
    seen: 'transient-529-json',
    when: SAYS.serverTrouble,
  },
  {
    rule: 'copilot.session.request',
    verdict: 'permanent',
    seen: 'API errors 400 to 499 that no row above names',
    when: SAYS.badRequest,
  },
  {
    rule: 'copilot.words.request',
    verdict: 'permanent',
    seen: 'words of the APIs, for errors without a status',
    when: SAYS.requestWords,
  },
  {
    rule: 'copilot.words.auth',
    verdict: 'auth',
    seen: 'auth-logged-out',
    when: (error) => /no authentication information/i.test(error.text) || SAYS.authWords(error),
  },
  {
    rule: 'copilot.words.usage_limit',
    verdict: 'usage_limit',
    seen: 'words of the recordings above, on stderr alone',
    when: SAYS.planWords,
  },
  {
    rule: 'copilot.words.transient',
    verdict: 'transient',
    seen: 'words of the recordings above, on stderr alone',
    when: SAYS.transientWords,
  },
];
