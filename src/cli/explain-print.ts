import pc from 'picocolors';
import { afterWords, reasonWords } from '../core/explain-words.ts';
import type { Explain, HoldWire } from '../http/contract.ts';
import { localTime, type Output } from './output.ts';

/** The explanation as `orch why` prints it. */
export function printExplain(out: Output, explain: Explain): void {
  out.text(`${mark(explain.verdict)} ${pc.bold(explain.headline)}`);
  const after = afterWords(
    explain.lastRunEndedAt === undefined ? null : localTime(explain.lastRunEndedAt),
    explain.nextChange === undefined
      ? null
      : { at: localTime(explain.nextChange.at), what: explain.nextChange.what },
  );
  if (explain.at === undefined) out.text(pc.dim(`  ${after}`));
  for (const reason of explain.reasons) {
    const words = reasonWords({
      ...reason,
      clearsAt: reason.clearsAt === undefined ? null : localTime(reason.clearsAt),
      fix: reason.actions[0]?.cli ?? null,
    });
    const sign = words.mark === '▲' ? pc.yellow(words.mark) : pc.cyan(words.mark);
    out.text('');
    out.text(`  ${sign} ${pc.bold(words.title)}${words.held === '' ? '' : `  ${pc.dim(words.held)}`}`);
    if (words.detail !== '') out.text(`    ${words.detail}`);
    out.text(pc.dim(`    ${words.clears}`));
    if (words.fix !== null) out.text(`    fix  ${words.fix}`);
  }
  out.text('');
  const fine = explain.checks.filter((check) => check.state === 'ok').map((check) => check.code);
  if (fine.length > 0) out.text(pc.dim(`  ✓ ${fine.join('  ')}`));
}

export function mark(verdict: Explain['verdict']): string {
  switch (verdict) {
    case 'needs_you':
      return pc.yellow('▲');
    case 'waiting':
      return pc.cyan('◷');
    case 'unknown':
      return pc.red('?');
    case 'working':
      return pc.blue('●');
    case 'idle':
      return pc.green('✓');
  }
}

/** Why one job waits. */
export function printHold(out: Output, hold: HoldWire, detail: string): void {
  out.text(`  ${hold.title}`);
  if (detail !== '') out.text(`  ${pc.dim(detail)}`);
  out.text(`  ${pc.dim(hold.clearsWhen)}${hold.clearsAt === null ? '' : ` ${localTime(hold.clearsAt)}`}`);
  if (hold.fix !== null) out.text(`  fix  ${hold.fix}`);
}
