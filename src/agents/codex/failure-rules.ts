import { type FailureRule, SAYS } from '../api-error.ts';

/**
 * First match wins. The CLI prints no status and no error type, so these are its own sentences, as
 * recorded (`test/fixtures/agent-logs/codex`) and as its messages are published; apostrophes come
 * straight and typographic.
 */
export const FAILURE_RULES: readonly FailureRule[] = [
  {
    rule: 'codex.words.usage_error',
    verdict: 'permanent',
    seen: 'permanent-unknown-flag',
    when: ({ text }) =>
      /^error: (?:unexpected argument|invalid value|unrecognized subcommand|the (?:following )?(?:required )?argument|a value is required|the argument)|^Not inside a trusted directory|^Error (?:loading|parsing) config|^No prompt provided/im.test(
        text,
      ),
  },
  {
    rule: 'codex.session.missing',
    verdict: 'permanent',
    seen: 'published message',
    when: ({ text }) =>
      /no rollout found|no (?:thread|conversation|saved session)[^.]{0,30} (?:with|found)/i.test(text),
  },
  {
    rule: 'codex.turn.context',
    verdict: 'permanent',
    seen: 'permanent-context-json',
    when: ({ text, type }) =>
      type === 'context_length_exceeded' ||
      /ran out of room in the model.s context window|exceeds the context window/i.test(text),
  },
  {
    rule: 'codex.turn.incomplete',
    verdict: 'permanent',
    seen: 'published message',
    when: ({ text }) => /incomplete response[^.]*reason: (?:max_output_tokens|content_filter)/i.test(text),
  },
  {
    rule: 'codex.turn.usage_limit',
    verdict: 'usage_limit',
    seen: 'usage-limit-json',
    when: (error) =>
      SAYS.planLimit(error) ||
      /hit your usage limit|out of credits|spend cap|quota exceeded|insufficient_quota|usage_limit_reached|usage limit has been reached|to use codex with your chatgpt plan/i.test(
        error.text,
      ),
  },
  {
    rule: 'codex.turn.auth',
    verdict: 'auth',
    seen: 'auth-invalid-key-json, auth-missing-key-json',
    when: (error) =>
      SAYS.signedOut(error) ||
      /^missing environment variable\b|access token could not be refreshed|log out and sign in again|codex login\b/i.test(
        error.text,
      ),
  },
  {
    rule: 'codex.turn.rate_limit',
    verdict: 'transient',
    seen: 'transient-429-json',
    when: (error) => SAYS.rate(error) || /rate limit reached for\b/i.test(error.text),
  },
  {
    rule: 'codex.turn.server',
    verdict: 'transient',
    seen: 'transient-500-json',
    when: (error) => SAYS.serverTrouble(error) || /experiencing high demand|at capacity/i.test(error.text),
  },
  {
    rule: 'codex.api.request',
    verdict: 'permanent',
    seen: 'API errors 400 to 499 that no row above names',
    when: SAYS.badRequest,
  },
  {
    rule: 'codex.turn.network',
    verdict: 'transient',
    seen: 'offline-waits-json',
    when: ({ text }) =>
      /waiting for network|connection failed:|error sending request|stream disconnected before completion|error while reading the server response|stream error:|idle timeout waiting/i.test(
        text,
      ),
  },
  {
    rule: 'codex.turn.model',
    verdict: 'permanent',
    seen: 'permanent-bad-model-json',
    when: (error) =>
      SAYS.requestWords(error) ||
      /\bmodel\b.{0,80}(?:does not exist|not supported|not found)/i.test(error.text),
  },
  {
    rule: 'codex.turn.refused',
    verdict: 'permanent',
    seen: 'published messages',
    when: ({ text }) =>
      /flagged (?:for|as)|content (?:policy|filter)|invalid_prompt|image poisoning/i.test(text),
  },
  {
    rule: 'codex.turn.interrupted',
    verdict: 'lost',
    seen: 'published messages',
    when: ({ text }) => /^(?:turn aborted|interrupted \(ctrl-c\))/i.test(text),
  },
  {
    rule: 'codex.words.auth',
    verdict: 'auth',
    seen: 'words of the recordings above, on stderr alone',
    when: SAYS.authWords,
  },
  {
    rule: 'codex.words.usage_limit',
    verdict: 'usage_limit',
    seen: 'words of the recordings above, on stderr alone',
    when: SAYS.planWords,
  },
  {
    rule: 'codex.words.transient',
    verdict: 'transient',
    seen: 'words of the recordings above, on stderr alone',
    when: SAYS.transientWords,
  },
];
