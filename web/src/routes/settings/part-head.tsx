import type { ReactNode } from 'react';

/** What can be done with a part of the settings as a whole, above it. */
export function PartHead({ children }: { children: ReactNode }) {
  return <div className="flex flex-wrap justify-end gap-2 border-b border-line px-4 py-2.5">{children}</div>;
}
