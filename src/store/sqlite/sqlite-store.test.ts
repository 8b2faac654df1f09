import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeContract } from '../store.contract.ts';
import { forgetContract } from '../store-forget.contract.ts';
import { ledgerContract } from '../store-ledger.contract.ts';
import type { OpenStore } from '../store-rows.contract.ts';
import { openSqliteStore } from './sqlite-store.ts';

const open: OpenStore = async (clock) => {
  const folder = mkdtempSync(join(tmpdir(), 'orch-store-'));
  const path = join(folder, 'orch.db');
  let store = openSqliteStore(path, clock);
  return {
    store,
    async reopen() {
      await store.close();
      store = openSqliteStore(path, clock);
      return store;
    },
    async discard() {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
};

storeContract('sqlite', open);
ledgerContract('sqlite', open);
forgetContract('sqlite', open);
