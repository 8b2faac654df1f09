import { DropdownMenu } from 'radix-ui';
import type { ReactNode } from 'react';

export interface MenuItem {
  readonly label: ReactNode;
  readonly onSelect: () => void;
  readonly isChosen?: boolean;
  /** Why it cannot be chosen now. */
  readonly whyNot?: string | undefined;
}

/** Not modal: a modal menu locks the page's scroll by a style element that the content policy refuses. */
export function Menu({
  trigger,
  items,
  align = 'end',
  label,
}: {
  /** One button. */
  trigger: ReactNode;
  items: readonly (MenuItem | 'line')[];
  align?: 'start' | 'end';
  label: string;
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu fade" align={align} sideOffset={4} aria-label={label}>
          {items.map((item, i) =>
            item === 'line' ? (
              <DropdownMenu.Separator key={i} asChild>
                <hr />
              </DropdownMenu.Separator>
            ) : (
              <DropdownMenu.Item
                key={i}
                disabled={item.whyNot !== undefined}
                onSelect={item.onSelect}
                {...(item.isChosen === true ? { 'aria-current': true } : {})}
              >
                <span className="min-w-0 flex-1 wrap-anywhere">{item.label}</span>
                {item.isChosen === true ? <span aria-hidden="true">✓</span> : null}
                {item.whyNot === undefined ? null : <span className="text-xs">{item.whyNot}</span>}
              </DropdownMenu.Item>
            ),
          )}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
