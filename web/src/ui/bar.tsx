import type { ReactNode } from 'react';
import { OptionList, type Options } from './fields.tsx';

/** The line above a list: what filters it at the left, what is done with it at the right. */
export function Bar({ children }: { children: ReactNode }) {
  return (
    <div className="grid grid-cols-2 items-center gap-2 border-b border-line px-4 py-2.5 md:flex md:flex-wrap">
      {children}
    </div>
  );
}

interface Filter {
  label: string;
  value: string | undefined;
  /** Nothing: the filter is off. */
  onChange: (value: string | undefined) => void;
}

/** The field that `/` goes to. */
export function FilterField({ label, value, onChange, isFirst = true }: Filter & { isFirst?: boolean }) {
  return (
    <input
      {...(isFirst ? { 'data-filter': true } : {})}
      type="search"
      className={`input input-sm ${isFirst ? 'max-md:col-span-2 min-w-40 flex-1 md:max-w-64' : 'max-md:w-full min-w-0 md:w-44'}`}
      aria-label={label}
      placeholder={label}
      value={value ?? ''}
      onChange={(event) => onChange(event.target.value || undefined)}
    />
  );
}

export function FilterSelect({
  label,
  value,
  onChange,
  none,
  options,
}: Filter & { none: string; options: Options }) {
  return (
    <select
      aria-label={label}
      className="input input-sm min-w-0 flex-1 max-md:basis-28 md:max-w-44 md:flex-none"
      value={value ?? ''}
      onChange={(event) => onChange(event.target.value || undefined)}
    >
      <option value="">{none}</option>
      <OptionList options={options} />
    </select>
  );
}

/** One of a few, all in sight. */
export function Segments<T extends string>({
  label,
  chosen,
  onChoose,
  choices,
}: {
  label: string;
  chosen: T;
  onChoose: (value: T) => void;
  choices: readonly (readonly [value: T, name: ReactNode])[];
}) {
  return (
    <div className="segments max-md:justify-self-start" role="group" aria-label={label}>
      {choices.map(([value, name]) => (
        <button key={value} type="button" aria-pressed={value === chosen} onClick={() => onChoose(value)}>
          {name}
        </button>
      ))}
    </div>
  );
}
