import {
  Activity,
  ChartColumn,
  KanbanSquare,
  KeyRound,
  List,
  type LucideIcon,
  ShieldCheck,
  SlidersHorizontal,
} from 'lucide-react';
import { copy } from '../copy.ts';

export interface Screen {
  readonly id: 'now' | 'board' | 'queue' | 'accounts' | 'usage' | 'health' | 'settings';
  readonly to: '/' | '/board' | '/queue' | '/accounts' | '/usage' | '/health' | '/settings';
  readonly label: string;
  readonly icon: LucideIcon;
  /** After `g`. */
  readonly key: string;
}

/** The seven entries, in the order of the rail; a phone has the first four and "More". */
export const SCREENS: readonly Screen[] = [
  { id: 'now', to: '/', label: copy.nav.now, icon: Activity, key: 'n' },
  { id: 'board', to: '/board', label: copy.nav.board, icon: KanbanSquare, key: 'b' },
  { id: 'queue', to: '/queue', label: copy.nav.queue, icon: List, key: 'q' },
  { id: 'accounts', to: '/accounts', label: copy.nav.accounts, icon: KeyRound, key: 'a' },
  { id: 'usage', to: '/usage', label: copy.nav.usage, icon: ChartColumn, key: 'u' },
  { id: 'health', to: '/health', label: copy.nav.health, icon: ShieldCheck, key: 'h' },
  { id: 'settings', to: '/settings', label: copy.nav.settings, icon: SlidersHorizontal, key: 's' },
];
