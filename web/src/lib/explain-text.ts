import type { Explain } from '../../../src/http/contract.ts';

/** The explanation as plain text, for a chat or an issue. */
export function explainAsText(explain: Explain): string {
  const reasons = explain.reasons.map((reason) => {
    const held =
      reason.jobsHeld === 0 ? '' : ` (${reason.jobsHeld} ${reason.jobsHeld === 1 ? 'job' : 'jobs'})`;
    const mark = reason.state === 'needs_you' ? '!' : '~';
    const lines = [reason.detail, reason.clearsWhen].filter((line) => line !== '');
    return [`${mark} ${reason.title}${held}  [${reason.code}]`, ...lines.map((line) => `  ${line}`)].join(
      '\n',
    );
  });
  return [explain.headline, ...reasons, `As of ${explain.generatedAt}`].join('\n');
}
