import type { Explained } from './explain.ts';

/** The explanation as plain text, in the words that every surface has. */
export function explainText({ headline, reasons }: Explained): string {
  return [
    headline,
    ...reasons.flatMap(({ reason }) => [
      '',
      reason.title,
      ...(reason.detail === '' ? [] : [reason.detail]),
      reason.state === 'needs_you' && reason.fix !== null ? `fix: ${reason.fix}` : reason.clearsWhen,
    ]),
  ].join('\n');
}
