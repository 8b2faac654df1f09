import type { ConfigChangedWire } from '../../../src/http/contract.ts';
import { copy } from '../copy.ts';
import { Command } from './copy-text.tsx';
import { Chip, type StateName } from './tone.tsx';

type Finding = ConfigChangedWire['findings'][number];

export const FINDING_STATES: Readonly<Record<Finding['state'], StateName>> = {
  ok: 'done',
  warning: 'needs_you',
  error: 'failed',
  skipped: 'cancelled',
};

/** What `orch doctor` found, each problem with its fix. */
export function Findings({ findings }: { findings: readonly Finding[] }) {
  return (
    <ul className="inbox">
      {findings.map(({ state, text, fix }, i) => (
        <li key={i} data-row className="flex-wrap !items-start">
          <span className="w-[84px] shrink-0">
            <Chip state={FINDING_STATES[state]}>{copy.health.state[state]}</Chip>
          </span>
          <div className="grid min-w-0 flex-1 basis-48 gap-1">
            <p className="text-sm wrap-anywhere">{text}</p>
            {fix === null || state === 'ok' ? null : <Command>{fix}</Command>}
          </div>
        </li>
      ))}
    </ul>
  );
}
