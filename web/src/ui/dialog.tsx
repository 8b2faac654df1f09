import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import type { FormEvent, ReactNode } from 'react';
import { Button } from './button.tsx';

/**
 * A dialog that traps the focus, gives it back, and closes with Escape; on a phone a sheet of full height.
 * Radix's own overlay is left out: it puts a style element into the page, which the content policy refuses.
 */
export function Dialog({
  title,
  description,
  onClose,
  onSubmit,
  children,
  foot,
}: {
  title: ReactNode;
  description?: ReactNode | undefined;
  onClose: () => void;
  onSubmit?: () => void;
  children: ReactNode;
  foot: ReactNode;
}) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit?.();
  };
  return (
    <Radix.Root open onOpenChange={(open) => (open ? undefined : onClose())}>
      <Radix.Portal>
        <div className="backdrop fade" />
        <Radix.Content
          className="dialog fade"
          {...(description === undefined ? { 'aria-describedby': undefined } : {})}
        >
          <form className="flex min-h-0 flex-1 flex-col" onSubmit={submit}>
            <div className="card-head flex-nowrap">
              <div className="min-w-0">
                <Radix.Title className="wrap-anywhere">{title}</Radix.Title>
                {description === undefined ? null : (
                  <Radix.Description className="text-sm wrap-anywhere text-ink-2">
                    {description}
                  </Radix.Description>
                )}
              </div>
              <Radix.Close asChild>
                <Button look="quiet" isSmall isIcon className="ml-auto shrink-0" aria-label="Close">
                  <X aria-hidden="true" />
                </Button>
              </Radix.Close>
            </div>
            <div className="dialog-body">{children}</div>
            <div className="dialog-foot">{foot}</div>
          </form>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
