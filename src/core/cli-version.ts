import type { Judgement } from './failure.ts';
import { type CliSeen, type Run, runName } from './model.ts';

/** What this installation has learned of one version of one CLI. Instants are epoch milliseconds. */
export interface CliVersion {
  readonly kind: string;
  readonly version: string;
  /** Real path of the binary at the last success that tells it; null = never told. */
  readonly bin: string | null;
  readonly firstSuccessAt: number | null;
  readonly lastSuccessAt: number | null;
  /** Who took it for proven without a success, and when. */
  readonly trustedBy: string | null;
  readonly trustedAt: number | null;
}

/** Something that proves a version on the whole installation: a run that succeeded, or a person's word. */
export interface CliProof {
  readonly kind: string;
  readonly version: string;
  readonly at: number;
  /** Real path of the binary that succeeded; null = not known. */
  readonly bin: string | null;
  /** The person; null = a success. */
  readonly by: string | null;
}

/** Whether a version needs no canary: recorded by its adapter, proven here, or of a program without a vendor. */
export function isProven(
  kind: string,
  version: string,
  recorded: readonly string[] | null,
  known: readonly CliVersion[],
): boolean {
  if (recorded === null || recorded.includes(version)) return true;
  return known.some((each) => each.kind === kind && each.version === version);
}

/**
 * The version that succeeded last, none of those left out; one whose binary is remembered before one
 * whose binary is not. Null when nothing has succeeded.
 */
export function lastGood(
  kind: string,
  known: readonly CliVersion[],
  leftOut: readonly string[],
): CliVersion | null {
  const good = known
    .filter((each) => each.kind === kind && each.lastSuccessAt !== null && !leftOut.includes(each.version))
    .toSorted((a, b) => (b.lastSuccessAt ?? 0) - (a.lastSuccessAt ?? 0));
  return good.find(({ bin }) => bin !== null) ?? good[0] ?? null;
}

/** An ended run, and what was known of its CLI's versions before. */
export interface RunOfCli {
  readonly run: Run;
  readonly judgement: Judgement;
  /** As in `isProven`; null also when no agent ran: then there is nothing to learn. */
  readonly recorded: readonly string[] | null;
  readonly known: readonly CliVersion[];
}

/**
 * A run that ended in a way no rule knows, on a version that nothing has proven: the CLI that its account
 * is to be held for, and why. Null for every other run.
 */
export function unprovenBy(of: RunOfCli): { readonly cli: CliSeen; readonly detail: string } | null {
  const { run, judgement, recorded, known } = of;
  const cli = cliOf(of);
  if (cli === null || judgement.unknownShape === null) return null;
  const { kind, versions } = cli;
  if (versions.every((version) => isProven(kind, version, recorded, known))) return null;
  const good = lastGood(kind, known, versions);
  const before = good === null ? 'none has succeeded here before' : `last good version: ${good.version}`;
  return {
    cli,
    detail: `${kind} ${versions.join(' / ')} is new here, and ${runName(run.id)} ended in a way that no rule knows (${judgement.reason}); ${before}`,
  };
}

/** What a success proves. Where the log names another version than the binary did, the path proves neither. */
export function proofsOf(of: RunOfCli, at: number): CliProof[] {
  const cli = cliOf(of);
  if (cli === null || of.recorded === null) return [];
  const bin = cli.versions.length === 1 ? of.run.cliBin : null;
  return cli.versions.map((version) => ({ kind: cli.kind, version, at, bin, by: null }));
}

function cliOf({ run, judgement }: RunOfCli): CliSeen | null {
  const stated = [run.cliVersion, judgement.cliVersion].filter((version) => version !== null);
  return run.cliKind === null || stated.length === 0
    ? null
    : { kind: run.cliKind, versions: [...new Set(stated)] };
}
