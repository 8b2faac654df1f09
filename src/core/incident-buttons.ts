import { aboutOf, type Matter } from './matter.ts';
import type { Action } from './roles.ts';

/** What a press asks for; part of the button's data, so a name once given keeps its meaning. */
const BUTTONS = [
  'check',
  'why',
  'mute',
  'approve',
  'confirm',
  'back',
  'reject',
  'diff',
  'log',
  'retry',
] as const;
export type ButtonAction = (typeof BUTTONS)[number];

export interface ButtonSpec {
  readonly action: ButtonAction;
  readonly label: string;
}

/** The step after "Approve…", for as long as it counts. */
export const CONFIRM_MS = 60_000;
/** A button pressed later says that it is too old. */
export const BUTTON_MS = 7 * 24 * 60 * 60 * 1000;

/** What a press does, by the name that the roles know. */
export function actionOf(button: ButtonAction): Action {
  switch (button) {
    case 'approve':
    case 'confirm':
    case 'back':
      return 'approve';
    case 'check':
      return 'account.check';
    case 'mute':
    case 'reject':
    case 'retry':
      return button;
    case 'why':
    case 'diff':
    case 'log':
      return 'read';
  }
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
export function parseButton(data: string): { readonly action: ButtonAction; readonly nonce: string } | null {
  const parts = /^1:([a-z]{1,20}):([A-Za-z0-9_-]{10})$/.exec(data);
  const action = BUTTONS.find((each) => each === parts?.[1]);
  return action === undefined ? null : { action, nonce: parts?.[2] ?? '' };
}
