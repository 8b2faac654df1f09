import { type FormEvent, type ReactNode, useState } from 'react';
import { copy } from '../copy.ts';
import { Button } from './button.tsx';
import { Refusal, TextField } from './fields.tsx';
import { Mark } from './mark.tsx';

interface Act {
  readonly isPending: boolean;
  readonly error: Error | null;
  readonly mutate: () => void;
}

/** A page of its own for who is not signed in: one card in the middle. */
export function Sheet({
  title,
  children,
  act,
}: {
  title: string;
  children: ReactNode;
  /** What the form does; null: nothing is asked for. */
  act: Act | null;
}) {
  return (
    <main className="mx-auto grid min-h-screen w-full max-w-md content-center gap-4 p-4">
      <div className="flex items-center gap-2.5 text-[15px] font-semibold">
        <Mark />
        orch
      </div>
      <form
        className="card grid gap-4 p-5"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          if (act?.isPending === false) act.mutate();
        }}
      >
        <h1>{title}</h1>
        {children}
      </form>
    </main>
  );
}

export function SheetFoot({ act, label }: { act: Act; label: string }) {
  return (
    <>
      <Refusal error={act.error} />
      <Button type="submit" look="primary" disabled={act.isPending}>
        {act.isPending ? copy.state.requested : label}
      </Button>
    </>
  );
}

export function useCredentials(known = '') {
  const [name, setName] = useState(known);
  const [password, setPassword] = useState('');
  return { given: { name, password }, setName, setPassword };
}

export function Credentials({
  given,
  setName,
  setPassword,
  isNew,
  hint,
}: ReturnType<typeof useCredentials> & { isNew: boolean; hint?: string }) {
  return (
    <>
      <TextField
        label={copy.signIn.name}
        autoComplete="username"
        autoCapitalize="none"
        required
        value={given.name}
        onChange={setName}
      />
      <TextField
        label={copy.signIn.password}
        hint={hint}
        type="password"
        autoComplete={isNew ? 'new-password' : 'current-password'}
        required
        value={given.password}
        onChange={setPassword}
      />
    </>
  );
}
