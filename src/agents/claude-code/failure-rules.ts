import { saysBadRequest, saysPlanLimit, saysSignedOut, type WordClass } from '../failure-words.ts';

/** What a failed result and the CLI's own last message say, however its version spells it. Empty string: unsaid. */
export interface ErrorFacts {
  /** `api_error_status`, or the status its text begins with. */
  readonly status: number | null;
  /** `api_error`, the CLI's own name for it. */
  readonly code: string;
  /** `api_error_type`, the API's name for it. */
  readonly type: string;
  /** `error` of the last assistant line, or of a retry notice. */
  readonly turn: string;
  readonly terminal: string;
  readonly stop: string;
  readonly subtype: string;
  /** The plan itself refused: the last rate limit event was a rejection that names its reset. */
  readonly planRejected: boolean;
  /** The CLI's own words, and what they say. */
  readonly text: string;
  readonly words: WordClass | null;
}

export type FailureVerdict = 'permanent' | 'transient' | 'auth' | 'usage_limit' | 'lost';

export interface FailureRule {
  readonly rule: string;
  readonly verdict: FailureVerdict;
  /** Recordings (`test/fixtures/agent-logs/claude`) or documentation it was made from. */
  readonly seen: string;
  readonly when: (facts: ErrorFacts) => boolean;
}

/** First match wins. Structured fields come before words; within each, the narrower before the wider. */
export const FAILURE_RULES: readonly FailureRule[] = [
  {
    rule: 'claude.limit.turns',
    verdict: 'permanent',
    seen: 'permanent-max-turns-json, permanent-max-turns-exit0-json-v2.0',
    when: (f) => f.subtype === 'error_max_turns' || f.terminal === 'max_turns',
  },
  {
    rule: 'claude.limit.budget',
    verdict: 'permanent',
    seen: 'permanent-max-budget-json',
    when: (f) => f.subtype === 'error_max_budget_usd' || f.terminal === 'budget_exhausted',
  },
  {
    rule: 'claude.result.structured_output',
    verdict: 'permanent',
    seen: 'documented subtype',
    when: (f) => f.subtype === 'error_max_structured_output_retries',
  },
  {
    // Only we may call it cancelled; an interrupt that nobody here sent is like a kill from outside.
    rule: 'claude.result.aborted',
    verdict: 'lost',
    seen: 'cancelled-sigint-json, cancelled-interrupt-stream, without our stop',
    when: (f) =>
      f.terminal.startsWith('aborted') ||
      (f.subtype === 'error_during_execution' && /interrupted by user|request was aborted/i.test(f.text)),
  },
  {
    rule: 'claude.api.usage_limit',
    verdict: 'usage_limit',
    seen: 'usage-limit-5h-json, usage-limit-5h-stream, usage-limit-midrun-stream',
    when: (f) => /usage_limit|quota|spend_limit|credit_balance/.test(f.code),
  },
  {
    rule: 'claude.api.prompt_too_long',
    verdict: 'permanent',
    seen: 'permanent-prompt-too-long-json',
    when: (f) =>
      f.terminal === 'prompt_too_long' || f.code === 'message_over_context_limit' || f.status === 413,
  },
  {
    rule: 'claude.api.output_limit',
    verdict: 'permanent',
    seen: 'permanent-output-limit-json',
    when: (f) => f.code === 'max_output_tokens' || f.turn === 'max_output_tokens',
  },
  {
    rule: 'claude.api.refusal',
    verdict: 'permanent',
    seen: 'permanent-refusal-stream',
    when: (f) => f.stop === 'refusal',
  },
  {
    rule: 'claude.api.network',
    verdict: 'transient',
    seen: 'transient-connection-refused-stream, transient-connection-reset-stream, transient-drop-midstream-stream, transient-reset-after-commit-stream',
    when: (f) => /connection|network|timeout|no_response|empty_completion|overloaded/.test(f.code),
  },
  {
    rule: 'claude.api.billing',
    verdict: 'usage_limit',
    seen: 'credit-too-low-json',
    when: (f) =>
      f.status === 402 ||
      [f.type, f.turn].includes('billing_error') ||
      ((f.status === 400 || f.status === 403) && saysPlanLimit(f.text)),
  },
  {
    rule: 'claude.api.auth',
    verdict: 'auth',
    seen: 'auth-invalid-api-key-stream, auth-oauth-token-expired-stream, auth-oauth-revoked-json-v2.1.197, auth-subscription-not-allowed-json',
    when: (f) =>
      f.status === 401 ||
      f.status === 403 ||
      (f.status === 400 && saysSignedOut(f.text)) ||
      ['authentication_failed', 'oauth_org_not_allowed'].includes(f.turn) ||
      ['authentication_error', 'permission_error'].includes(f.type) ||
      /credential|oauth|login|api_key/.test(f.code),
  },
  {
    rule: 'claude.api.plan_limit',
    verdict: 'usage_limit',
    seen: 'usage-limit-week-json-v2.1.197',
    when: (f) => isRate(f) && (f.planRejected || saysPlanLimit(f.text)),
  },
  {
    rule: 'claude.api.rate_limit',
    verdict: 'transient',
    seen: 'transient-429-stream, transient-429-default-retries-stream, transient-429-throttle-subscription-stream',
    when: isRate,
  },
  {
    rule: 'claude.api.server',
    verdict: 'transient',
    seen: 'transient-529-json, transient-502-html-json, transient-500-stream-v2.1.197',
    when: (f) =>
      (f.status !== null && (f.status >= 500 || [408, 409, 425].includes(f.status))) ||
      ['overloaded_error', 'api_error', 'timeout_error'].includes(f.type),
  },
  {
    rule: 'claude.api.model',
    verdict: 'permanent',
    seen: 'permanent-bad-model-json',
    when: (f) => f.status === 404 || f.turn === 'model_not_found' || f.type === 'not_found_error',
  },
  {
    rule: 'claude.api.request',
    verdict: 'permanent',
    seen: 'API errors 400 to 499 that no rule above names',
    when: (f) => f.status !== null && f.status >= 400,
  },
  {
    rule: 'claude.session.missing',
    verdict: 'permanent',
    seen: 'permanent-unknown-session',
    when: (f) => f.words === 'usage_error' && /no conversation found with session id/i.test(f.text),
  },
  {
    rule: 'claude.session.in_use',
    verdict: 'permanent',
    seen: 'a session id given twice, 2.1.330',
    when: (f) => f.words === 'usage_error' && /session id .* already in use/i.test(f.text),
  },
  {
    rule: 'claude.words.usage_error',
    verdict: 'permanent',
    seen: 'permanent-unknown-flag',
    when: (f) => f.words === 'usage_error',
  },
  {
    rule: 'claude.words.auth',
    verdict: 'auth',
    seen: 'auth-logged-out-json, auth-logged-out-json-v2.0, auth-invalid-api-key-json-v1, auth-refresh-refused-json, auth-logged-out-text',
    when: (f) => f.words === 'auth',
  },
  {
    rule: 'claude.words.usage_limit',
    verdict: 'usage_limit',
    seen: 'usage-limit-epoch-json-v1',
    when: (f) => f.words === 'usage_limit',
  },
  {
    rule: 'claude.words.transient',
    verdict: 'transient',
    seen: 'transient-request-timeout-stream, transient-stalled-stream-stream, transient-connection-refused-stream-v2.1.197',
    when: (f) => f.words === 'transient',
  },
  {
    rule: 'claude.words.request',
    verdict: 'permanent',
    seen: 'the words of the permanent recordings, for versions without the fields',
    when: (f) => saysBadRequest(f.text),
  },
  {
    rule: 'claude.turn.server',
    verdict: 'transient',
    seen: 'assistant.error of the streams above, for texts that say nothing',
    when: (f) => ['server_error', 'overloaded'].includes(f.turn),
  },
  {
    rule: 'claude.event.plan_limit',
    verdict: 'usage_limit',
    seen: 'rate_limit_event of usage-limit-5h-stream, for results that say nothing',
    when: (f) => f.planRejected,
  },
];

/** What a failure comes to; null when no rule knows it. */
export function ruleFor(facts: ErrorFacts): FailureRule | null {
  return FAILURE_RULES.find((row) => row.when(facts)) ?? null;
}

function isRate(facts: ErrorFacts): boolean {
  return facts.status === 429 || facts.turn === 'rate_limit' || facts.type === 'rate_limit_error';
}
