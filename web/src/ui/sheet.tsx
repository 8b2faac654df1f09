import { type FormEvent, type ReactNode } from 'react';
import { Mark } from './mark.tsx';

/** A page of its own for who is not signed in: one card in the middle. */
export function Sheet({
  title,
  children,
  onSubmit,
}: {
  title: string;
  children: ReactNode;
  onSubmit: () => void;
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
          onSubmit();
        }}
      >
        <h1>{title}</h1>
        {children}
      </form>
    </main>
  );
}
