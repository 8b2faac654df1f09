import { useEffect } from 'react';
import { setPreference, usePreference } from './preference.ts';

export const THEMES = ['light', 'dark', 'system'] as const;
export type Theme = (typeof THEMES)[number];

export function setTheme(theme: Theme): void {
  setPreference('theme', theme);
}

/** The chosen theme, kept in force on the document; `system` follows the system as it changes. */
export function useTheme(): Theme {
  const theme = usePreference('theme', THEMES, 'system');
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const apply = () => {
      const isDark = theme === 'dark' || (theme === 'system' && dark.matches);
      document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light';
    };
    apply();
    dark.addEventListener('change', apply);
    return () => dark.removeEventListener('change', apply);
  }, [theme]);
  return theme;
}
