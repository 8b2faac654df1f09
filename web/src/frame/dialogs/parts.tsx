import { type ReactNode, useId } from 'react';
import type { Action } from '../../api/session.ts';
import { copy } from '../../copy.ts';
import { ActionButton, Button } from '../../ui/button.tsx';
import { Problem } from '../../ui/states.tsx';

/** The foot of a dialog that does something: back, and the action, which says when the server was asked. */
export function Foot({
  action,
  label,
  isPending,
  isDanger = false,
  whyNot,
  onClose,
}: {
  action: Action;
  label: string;
  isPending: boolean;
  isDanger?: boolean;
  whyNot?: string | undefined;
  onClose: () => void;
}) {
  return (
    <>
      <Button onClick={onClose}>{copy.dialog.back}</Button>
      <ActionButton
        type="submit"
        action={action}
        look={isDanger ? 'danger' : 'primary'}
        isPending={isPending}
        whyNot={whyNot}
      >
        {label}
      </ActionButton>
    </>
  );
}

export function Refusal({ error }: { error: Error | null }) {
  return error === null ? null : (
    <div className="-m-4">
      <Problem error={error} />
    </div>
  );
}

export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: ReactNode;
  children: (id: string) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {hint === undefined ? null : <p className="text-xs text-ink-3">{hint}</p>}
    </div>
  );
}

export function Choice({
  name,
  value,
  chosen,
  onChoose,
  label,
  hint,
}: {
  name: string;
  value: string;
  chosen: string;
  onChoose: (value: string) => void;
  label: ReactNode;
  hint?: ReactNode;
}) {
  return (
    <label className="choice">
      <input
        type="radio"
        name={name}
        value={value}
        checked={chosen === value}
        onChange={() => onChoose(value)}
      />
      <span className="min-w-0">
        <span className="block font-medium">{label}</span>
        {hint === undefined ? null : <span className="block text-ink-2">{hint}</span>}
      </span>
    </label>
  );
}

export function Tick({
  label,
  hint,
  isOn,
  onChange,
}: {
  label: string;
  hint?: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}) {
  return (
    <label className="choice">
      <input type="checkbox" checked={isOn} onChange={(event) => onChange(event.target.checked)} />
      <span className="min-w-0">
        <span className="block font-medium">{label}</span>
        {hint === undefined ? null : <span className="block text-ink-2">{hint}</span>}
      </span>
    </label>
  );
}
