import { type FailureRule, SAYS } from '../api-error.ts';
import { PLAN_REJECTED, RETRYABLE } from './error-event.ts';

/**
 * First match wins: the CLI's own names and the API's status before words. Recordings are in
 * `test/fixtures/agent-logs/opencode`; names of errors are those that the CLI publishes.
 */
export const FAILURE_RULES: readonly FailureRule[] = [
  {
    rule: 'opencode.words.usage_error',
    verdict: 'permanent',
    seen: 'permanent-unknown-flag',
    when: ({ text }) =>
      /^\s*opencode run \[message\.\.\]|\bUnknown arguments?:|You must provide a message|Not enough arguments|Invalid values:/im.test(
        text,
      ),
  },
  {
    rule: 'opencode.session.missing',
    verdict: 'permanent',
    seen: 'published message',
    when: ({ text, code }) =>
      /session not found/i.test(text) || (code === 'NotFoundError' && /session|ses_/i.test(text)),
  },
  {
    rule: 'opencode.step.length',
    verdict: 'permanent',
    seen: 'published names',
    when: ({ code }) => code === 'step:length' || code === 'MessageOutputLengthError',
  },
  {
    rule: 'opencode.step.filtered',
    verdict: 'permanent',
    seen: 'published names',
    when: ({ code }) => code === 'step:content-filter' || code === 'ContentFilterError',
  },
  {
    rule: 'opencode.api.context',
    verdict: 'permanent',
    seen: 'published names',
    when: ({ code, type, status, text }) =>
      code === 'ContextOverflowError' ||
      type === 'context_length_exceeded' ||
      status === 413 ||
      /prompt is too long|context (?:window|length) (?:limit|exceeded)|maximum context length/i.test(text),
  },
  {
    rule: 'opencode.api.usage_limit',
    verdict: 'usage_limit',
    seen: 'credit-too-low-json',
    when: (error) => error.code === PLAN_REJECTED || SAYS.planLimit(error),
  },
  {
    rule: 'opencode.api.auth',
    verdict: 'auth',
    seen: 'auth-invalid-key-json',
    when: (error) => error.code === 'ProviderAuthError' || SAYS.signedOut(error),
  },
  {
    rule: 'opencode.api.rate_limit',
    verdict: 'transient',
    seen: 'transient-429-json',
    when: SAYS.rate,
  },
  {
    rule: 'opencode.api.server',
    verdict: 'transient',
    seen: 'published fields of 5xx answers',
    when: SAYS.serverTrouble,
  },
  {
    rule: 'opencode.api.request',
    verdict: 'permanent',
    seen: 'API errors 400 to 499 that no row above names',
    when: SAYS.badRequest,
  },
  {
    rule: 'opencode.api.retryable',
    verdict: 'transient',
    seen: 'published field of errors without an answer',
    when: ({ code, status }) => code === RETRYABLE && status === null,
  },
  {
    rule: 'opencode.error.model',
    verdict: 'permanent',
    seen: 'published names',
    when: (error) =>
      /^(?:ProviderModelNotFoundError|ProviderInitError|ConfigInvalidError|ConfigJsonError)$/.test(
        error.code,
      ) ||
      SAYS.requestWords(error) ||
      /^model not found\b/im.test(error.text),
  },
  {
    // All that it says of a missing credential and of an unknown model: nothing tells them apart.
    rule: 'opencode.error.unexpected',
    verdict: 'permanent',
    seen: 'missing credential and unknown model, 1.18.33',
    when: ({ text }) => /^unexpected server error/im.test(text),
  },
  {
    rule: 'opencode.words.auth',
    verdict: 'auth',
    seen: 'words of the recordings above, outside of events',
    when: SAYS.authWords,
  },
  {
    rule: 'opencode.words.usage_limit',
    verdict: 'usage_limit',
    seen: 'words of the recordings above, outside of events',
    when: SAYS.planWords,
  },
  {
    rule: 'opencode.words.transient',
    verdict: 'transient',
    seen: 'words of the recordings above, outside of events',
    when: SAYS.transientWords,
  },
];
