import type { ReactNode } from 'react';
import type { ConfigChangedWire } from '../../../src/http/contract.ts';
import { copy } from '../copy.ts';
import { ActionButton } from '../ui/button.tsx';
import { Refusal } from '../ui/fields.tsx';
import { Findings } from '../ui/findings.tsx';
import type { Edit, useChange } from './change.ts';

/** The two buttons under every form that changes the configuration, and what came of the last of them. */
export function ChangeButtons({
  change,
  edit,
  onWritten,
}: {
  change: ReturnType<typeof useChange>;
  /** Null: something is still missing. */
  edit: Edit | null;
  onWritten?: () => void;
}) {
  const button = (test: boolean, label: string): ReactNode => (
    <ActionButton
      action="config.write"
      look={test ? 'plain' : 'primary'}
      isPending={change.isPending && change.variables.test === test}
      disabled={change.isPending}
      whyNot={edit === null ? copy.dialog.missing : undefined}
      onClick={() =>
        edit === null
          ? undefined
          : change.mutate({ edit, test }, test || onWritten === undefined ? {} : { onSuccess: onWritten })
      }
    >
      {label}
    </ActionButton>
  );
  return (
    <>
      {button(true, copy.config.test)}
      {button(false, copy.config.save)}
    </>
  );
}

export function ChangeOutcome({ change }: { change: ReturnType<typeof useChange> }) {
  return (
    <>
      <Refusal error={change.error} />
      {change.data === undefined || change.isPending ? null : <Outcome {...change.data} />}
    </>
  );
}

function Outcome({ written, changes, warnings, findings }: ConfigChangedWire) {
  const isSound = findings.every(({ state }) => state !== 'error');
  return (
    <div className="grid gap-2 text-sm" role="status">
      <p>
        {changes.length === 0
          ? copy.config.nothing
          : written
            ? copy.config.written
            : isSound
              ? copy.config.holds
              : copy.config.fails}
      </p>
      <ul className="grid gap-1">
        {changes.map(({ key, before, after }) => (
          <li key={key} className="wrap-anywhere">
            <span className="mono">{key}</span>: {before ?? copy.settings.notSet} →{' '}
            {after ?? copy.settings.notSet}
          </li>
        ))}
      </ul>
      {warnings.map((warning) => (
        <p key={warning} className="wrap-anywhere text-attention-ink">
          {warning}
        </p>
      ))}
      <Findings findings={findings} />
    </div>
  );
}
