import type { ComponentProps, ReactNode } from 'react';
import { useConnection } from '../api/connection.ts';
import { type Action, useMay } from '../api/session.ts';
import { copy } from '../copy.ts';

type Look = 'plain' | 'primary' | 'quiet' | 'danger';

interface ButtonProps extends ComponentProps<'button'> {
  look?: Look;
  isSmall?: boolean;
  isIcon?: boolean;
}

const LOOKS: Readonly<Record<Look, string>> = {
  plain: '',
  primary: 'btn-primary',
  quiet: 'btn-quiet',
  danger: 'btn-danger',
};

export function buttonClass(look: Look = 'plain', isSmall = false, isIcon = false): string {
  return ['btn', LOOKS[look], isSmall ? 'btn-sm' : '', isIcon ? 'btn-icon' : ''].filter(Boolean).join(' ');
}

export function Button({ look = 'plain', isSmall = false, isIcon = false, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={`${buttonClass(look, isSmall, isIcon)}${className === undefined ? '' : ` ${className}`}`}
    />
  );
}

/**
 * A button that changes something. It stays visible where it may not be pressed and says why: a missing role,
 * or a server that does not answer. While the server has not confirmed, it says so and nothing else changes.
 */
export function ActionButton({
  action,
  isPending = false,
  whyNot,
  children,
  disabled,
  ...rest
}: ButtonProps & { action: Action; isPending?: boolean; whyNot?: string | undefined; children: ReactNode }) {
  const reason = useWhyNot(action) ?? whyNot;
  return (
    <Button
      {...rest}
      disabled={disabled === true || reason !== undefined || isPending}
      {...(reason === undefined ? {} : { title: reason })}
    >
      {isPending ? copy.state.requested : children}
      {reason === undefined ? null : <span className="sr-only"> ({reason})</span>}
    </Button>
  );
}

/** Why an action cannot be done now; undefined when it can. */
export function useWhyNot(action: Action): string | undefined {
  const { isReachable } = useConnection();
  const may = useMay(action);
  if (!isReachable) return copy.state.serverGone;
  return may.isAllowed ? undefined : copy.state.notAllowed(may.least);
}
