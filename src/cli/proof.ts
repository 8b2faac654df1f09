import type { ProofWire } from '../http/contract.ts';

/** ", 34 % CPU, 3 commits, +214 −38 in 9 files": what is known of it. */
export function proofText(proof: ProofWire | null): string {
  if (proof === null) return '';
  const { cpuShare, cpuSeconds, commits, change } = proof;
  const parts = [
    ...(cpuShare === null
      ? cpuSeconds === null
        ? []
        : [`${Math.round(cpuSeconds)} s CPU`]
      : [`${Math.round(cpuShare * 100)} % CPU`]),
    ...(commits === null ? [] : [`${commits} ${commits === 1 ? 'commit' : 'commits'}`]),
    ...(change === null
      ? []
      : [`+${change.added} −${change.deleted} in ${change.files} ${change.files === 1 ? 'file' : 'files'}`]),
  ];
  return parts.map((part) => `, ${part}`).join('');
}
