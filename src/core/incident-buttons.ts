import { aboutOf, type Matter } from './matter.ts';

/** What a press asks for; part of the button's data, so a name once given keeps its meaning. */
export type ButtonAction =
  | 'check'
  | 'why'
  | 'mute'
  | 'approve'
  | 'confirm'
  | 'back'
  | 'reject'
  | 'diff'
  | 'log'
  | 'retry';

export interface ButtonSpec {
  readonly action: ButtonAction;
  readonly label: string;
}

/** The step after "Approve…", for as long as it counts. */
export const CONFIRM_MS = 60_000;
/** A button pressed later says that it is too old. */
export const BUTTON_MS = 7 * 24 * 60 * 60 * 1000;

const DECIDES: readonly ButtonAction[] = ['approve', 'confirm', 'reject', 'retry', 'check'];

/** Role that a press needs. */
export function roleFor(action: ButtonAction): 'viewer' | 'operator' {
  return DECIDES.includes(action) || action === 'mute' ? 'operator' : 'viewer';
}

/** Pressed once, it has done what it does. */
export function isSingleUse(action: ButtonAction): boolean {
  return action === 'confirm' || action === 'retry';
}

/** Rows of buttons under the message of a matter; none once it is over. */
export function buttonsOf(matter: Matter): readonly (readonly ButtonSpec[])[] {
  if (matter.state === 'resolved') return [];
  const why: ButtonSpec = { action: 'why', label: 'Why?' };
  switch (matter.event) {
    case 'needs_you': {
      const canCheck = aboutOf(matter)?.kind === 'account' || aboutOf(matter)?.kind === 'destination';
      return [
        [
          ...(canCheck ? [{ action: 'check', label: 'Check again' } as const] : []),
          why,
          { action: 'mute', label: 'Mute 1 h' },
        ],
      ];
    }
    case 'approval':
      return [
        [
          { action: 'approve', label: 'Approve…' },
          { action: 'reject', label: 'Reject…' },
        ],
        [
          { action: 'diff', label: 'Diff' },
          { action: 'log', label: 'Log' },
        ],
      ];
    case 'out_of_retries':
      return matter.urgent
        ? [
            [
              { action: 'retry', label: 'Retry' },
              { action: 'log', label: 'Last 15 lines' },
            ],
          ]
        : [];
    case 'limit':
      return [[why]];
    case 'question':
    case 'done':
    case 'run':
      return [];
  }
}

/** `1:<action>:<nonce>`: the meaning is in the database, so that it fits Telegram's 64 bytes. */
export function buttonData(action: ButtonAction, nonce: string): string {
  return `1:${action}:${nonce}`;
}

/** Null for what is no button of ours. */
export function parseButton(data: string): { readonly action: string; readonly nonce: string } | null {
  const parts = /^1:([a-z]{1,20}):([A-Za-z0-9_-]{10})$/.exec(data);
  return parts === null ? null : { action: parts[1] ?? '', nonce: parts[2] ?? '' };
}
