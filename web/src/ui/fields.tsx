import { type ComponentProps, type ReactNode, useId } from 'react';
import { copy } from '../copy.ts';
import { ActionButton, Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { Problem } from './states.tsx';

/** What a person fills in: a label above, a hint below; and the dialog around it that asks the server. */

interface Labelled {
  label: string;
  hint?: ReactNode;
}

function Field({ label, hint, children }: Labelled & { children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {hint === undefined ? null : <p className="text-xs text-ink-3">{hint}</p>}
    </div>
  );
}

export function TextField({
  label,
  hint,
  onChange,
  isMono = false,
  ...rest
}: Labelled &
  Omit<ComponentProps<'input'>, 'onChange'> & { onChange: (value: string) => void; isMono?: boolean }) {
  return (
    <Field label={label} hint={hint}>
      {(id) => (
        <input
          {...rest}
          id={id}
          className={isMono ? 'input mono' : 'input'}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

export function LongField({
  label,
  hint,
  onChange,
  ...rest
}: Labelled & Omit<ComponentProps<'textarea'>, 'onChange'> & { onChange: (value: string) => void }) {
  return (
    <Field label={label} hint={hint}>
      {(id) => (
        <textarea {...rest} id={id} className="input" onChange={(event) => onChange(event.target.value)} />
      )}
    </Field>
  );
}

export type Options = readonly (readonly [value: string, text: string])[];

export function SelectField({
  label,
  hint,
  value,
  options,
  onChange,
}: Labelled & { value: string; options: Options; onChange: (value: string) => void }) {
  return (
    <Field label={label} hint={hint}>
      {(id) => (
        <select id={id} className="input" value={value} onChange={(event) => onChange(event.target.value)}>
          <OptionList options={options} />
        </select>
      )}
    </Field>
  );
}

export function OptionList({ options }: { options: Options }) {
  return options.map(([value, text]) => (
    <option key={value} value={value}>
      {text}
    </option>
  ));
}

function Mark({ label, hint, ...rest }: ComponentProps<'input'> & { label: ReactNode; hint?: ReactNode }) {
  return (
    <label className="choice">
      <input {...rest} />
      <span className="min-w-0">
        <span className="block font-medium">{label}</span>
        {hint === undefined ? null : <span className="block text-ink-2">{hint}</span>}
      </span>
    </label>
  );
}

/** One of several, as a list: each with what it means. */
export function Choices<T extends string>({
  name,
  label,
  chosen,
  onChoose,
  choices,
}: {
  name: string;
  label: string;
  chosen: T;
  onChoose: (value: T) => void;
  choices: readonly { readonly value: T; readonly label: string; readonly hint?: string }[];
}) {
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 text-sm font-medium">{label}</legend>
      {choices.map(({ value, ...text }) => (
        <Mark
          key={value}
          type="radio"
          name={name}
          value={value}
          checked={chosen === value}
          onChange={() => onChoose(value)}
          {...text}
        />
      ))}
    </fieldset>
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
    <Mark
      type="checkbox"
      checked={isOn}
      onChange={(event) => onChange(event.target.checked)}
      label={label}
      hint={hint}
    />
  );
}

export function Refusal({ error }: { error: Error | null | undefined }) {
  return error == null ? null : (
    <div className="-m-4">
      <Problem error={error} />
    </div>
  );
}

/**
 * A dialog that asks the server for one thing: what is needed for it, a way back, the button, which says when
 * the server was asked, and a refusal where it was asked. `result`, once there is one, takes the form's place
 * and can only be closed.
 */
export function AskDialog({
  action,
  label,
  act,
  isMissing = false,
  isDanger = false,
  result,
  onAsk,
  onClose,
  children,
  ...head
}: Pick<ComponentProps<typeof Dialog>, 'title' | 'description' | 'onClose' | 'children'> &
  Pick<ComponentProps<typeof ActionButton>, 'action'> & {
    label: string;
    act: { readonly isPending: boolean; readonly error?: Error | null };
    /** Something needed is not filled in yet. */
    isMissing?: boolean;
    isDanger?: boolean;
    result?: ReactNode;
    onAsk: () => void;
  }) {
  const isOver = result !== undefined;
  return (
    <Dialog
      {...head}
      onClose={onClose}
      onSubmit={() => (isMissing || isOver || act.isPending ? undefined : onAsk())}
      foot={
        isOver ? (
          <CloseButton onClose={onClose} />
        ) : (
          <>
            <Button onClick={onClose}>{copy.dialog.back}</Button>
            <ActionButton
              type="submit"
              action={action}
              look={isDanger ? 'danger' : 'primary'}
              isPending={act.isPending}
              whyNot={isMissing ? copy.dialog.missing : undefined}
            >
              {label}
            </ActionButton>
          </>
        )
      }
    >
      {isOver ? (
        result
      ) : (
        <>
          {children}
          <Refusal error={act.error} />
        </>
      )}
    </Dialog>
  );
}

export function CloseButton({ onClose }: { onClose: () => void }) {
  return (
    <Button look="primary" onClick={onClose}>
      {copy.dialog.close}
    </Button>
  );
}
