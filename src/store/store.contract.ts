import { describe } from 'vitest';
import { keepsABoard } from './store-board.contract.ts';
import { claims } from './store-claim.contract.ts';
import { isFair } from './store-fairness.contract.ts';
import { remembersItems } from './store-feed.contract.ts';
import { forgets } from './store-forget.contract.ts';
import { keepsGates } from './store-gates.contract.ts';
import { takesWorkOn } from './store-intake.contract.ts';
import { createStoreKit } from './store-kit.contract.ts';
import { keepsALedger } from './store-ledger.contract.ts';
import { followsTheModel } from './store-model.contract.ts';
import { keepsPromises } from './store-outbox.contract.ts';
import { showsWhatIsThere } from './store-reading.contract.ts';
import { reports } from './store-reports.contract.ts';
import type { OpenStore } from './store-rows.contract.ts';
import { settles } from './store-settle.contract.ts';
import { remembersTalk } from './store-talk.contract.ts';
import { knowsPeople } from './store-users.contract.ts';
import { knowsVersions } from './store-versions.contract.ts';

/** The suite every store passes. */
export function storeContract(name: string, open: OpenStore): void {
  describe(`${name}: store contract`, () => {
    const kit = createStoreKit(open);
    takesWorkOn(kit);
    claims(kit);
    isFair(kit);
    settles(kit);
    keepsGates(kit);
    knowsVersions(kit);
    keepsPromises(kit);
    keepsABoard(kit);
    remembersItems(kit);
    showsWhatIsThere(kit);
    keepsALedger(kit);
    remembersTalk(kit);
    knowsPeople(kit);
    reports(kit);
    forgets(open);
    followsTheModel(open);
  });
}
