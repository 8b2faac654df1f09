/** What goes wrong outside: with the accounts at their vendor, and on the way to trackers, forges and people. */
import type { VirtualClock } from './clock.ts';
import type { Outside } from './outside.ts';
import type { Random } from './random.ts';
import type { Vendor } from './vendor.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export function troubles(parts: {
  random: Random;
  vendor: Vendor;
  outside: Outside;
  accounts: readonly string[];
  projects: readonly string[];
  clock: VirtualClock;
  often: (everyMs: number, happen: () => void) => void;
}): void {
  const { random, vendor, outside, clock, often } = parts;

  for (const id of parts.accounts)
    often(7 * HOUR, () => {
      const soon = () => clock.after(random.between(5, 240) * MINUTE, () => vendor.login(id));
      switch (random.weighted(OF_ACCOUNTS)) {
        case 'logout':
          vendor.logout(id);
          return void soon();
        case 'revoke':
          vendor.revoke(id);
          return void soon();
        case 'limit': {
          const weekly = random.chance(0.15);
          const lasts = weekly ? random.between(10, 40) * HOUR : random.between(10, 300) * MINUTE;
          const until = clock.wall() + lasts;
          // The reset comes up to four hours later than it was said to.
          const late = random.chance(0.4) ? random.between(1, 240) * MINUTE : 0;
          const stated = random.chance(0.7) ? until : null;
          return vendor.limit(id, { until: until + late, stated, window: weekly ? 'weekly' : '5-hour' });
        }
        case 'overload':
          return vendor.overload(id, random.between(2, 90) * MINUTE);
        case 'broken':
          return vendor.breakCli(id, random.between(2, 60) * MINUTE);
      }
    });

  const destinations = [
    'notify',
    ...parts.projects.flatMap((project) => [`tracker:${project}`, `forge:${project}`]),
  ];
  often(4 * HOUR, () => outside.cut(random.pick(destinations), random.between(1, 180) * MINUTE));
}

const OF_ACCOUNTS = [
  [3, 'logout'],
  [3, 'revoke'],
  [4, 'limit'],
  [4, 'overload'],
  [1, 'broken'],
] as const;
