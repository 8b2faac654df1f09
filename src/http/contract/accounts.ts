import { z } from 'zod';
import { instant } from './common.ts';

/** Something about an account that holds nothing yet. */
export const warningSchema = z
  .object({
    code: z.string(),
    account: z.string(),
    title: z.string(),
    detail: z.string(),
    /** When it will hold the account. */
    at: instant,
    /** The command that prevents it. */
    fix: z.string(),
  })
  .meta({ id: 'Warning' });
export type WarningWire = z.infer<typeof warningSchema>;

export const accountSchema = z
  .object({
    id: z.string(),
    agent: z.string(),
    home: z.string(),
    signIn: z.object({
      state: z.string(),
      source: z.string().nullable(),
      expiresAt: instant.nullable(),
      detail: z.string(),
    }),
    hold: z
      .object({
        code: z.string(),
        since: instant.nullable(),
        until: instant.nullable(),
        /** True when `until` is a guess: the vendor named no time that holds. */
        guessed: z.boolean(),
        /** When one run is let through to find out; null = nothing is tried. */
        probeAt: instant.nullable(),
        detail: z.string(),
      })
      .nullable(),
    cli: z.object({
      /** As it last answered `--version`; null before it did. */
      version: z.string().nullable(),
      /** False while one run at a time tries it; null when there is no version. */
      proven: z.boolean().nullable(),
      /** Set while runs use the binary of an earlier version, as a person chose. */
      lastGood: z
        .object({
          version: z.string(),
          bin: z.string(),
          insteadOf: z.string(),
          by: z.string(),
          since: instant,
        })
        .nullable(),
    }),
    breaker: z.object({ state: z.string(), failures: z.number(), probeAt: instant.nullable() }),
    lastSuccessAt: instant.nullable().meta({ description: 'of a run; null: none of it succeeded yet' }),
    slots: z.number(),
    running: z.number(),
    windows: z.array(
      z.object({
        name: z.string(),
        utilization: z.number().nullable(),
        resetAt: instant.nullable(),
        /** When the CLI reported it. */
        seenAt: instant,
      }),
    ),
    warnings: z.array(warningSchema),
    loginCommand: z.string(),
  })
  .meta({ id: 'Account' });
export type AccountWire = z.infer<typeof accountSchema>;

export const accountsSchema = z.object({ accounts: z.array(accountSchema) });
