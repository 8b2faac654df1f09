import type { ZodRawShape } from 'zod';

/** A kind of tracker or forge, as far as the configuration asks. */
export interface DestinationKind {
  readonly kind: string;
  /** Keys under `projects.KEY.tracker` or `.forge` beside `kind`, each with its description; zod, strict. */
  readonly keys: ZodRawShape;
  /** Settings without which it cannot work, by their name in orch.yaml (`gitea_url`). */
  readonly needs: readonly string[];
  /** What is wrong with the keys together, or with the git address beside them, as the file has both. */
  check?(keys: Readonly<Record<string, unknown>>, repo: string): readonly KeyTrouble[];
}

/** What is wrong with one of the keys, and how it is put right. */
export interface KeyTrouble {
  readonly key: string;
  readonly problem: string;
  readonly fix: string;
}
