import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** One measured value of the report. */
export interface Figure {
  readonly part: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

/** A goal and whether it is met; null when what it compares with was not there. */
export interface Gate {
  readonly goal: string;
  readonly measured: number | null;
  readonly pass: boolean | null;
}

export interface Report {
  readonly figures: Figure[];
  readonly gates: Gate[];
  readonly skipped: { readonly what: string; readonly why: string }[];
}

export interface BenchOptions {
  readonly quick: boolean;
  /** May install missing servers with the system's package manager. */
  readonly install: boolean;
  /** An empty folder on the disk to measure. */
  readonly folder: string;
  /** Of `kills`. */
  readonly rounds: number;
  readonly seed: number;
  /** Of `soak`. */
  readonly tasks: number;
  readonly projects: number;
  /** Tells how far a long part is. */
  readonly say: (line: string) => void;
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Milliseconds of each call, in order. */
export async function timings(times: number, work: (i: number) => unknown): Promise<number[]> {
  const spent: number[] = [];
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    await work(i);
    spent.push(performance.now() - from);
  }
  return spent;
}

export function perSecond(count: number, milliseconds: number): number {
  return (count / milliseconds) * 1000;
}

const PAGE = 4096;
const PAGES = 64;

/** How often a second this disk makes one overwritten page durable: the ceiling of every commit. */
export function fdatasyncRate(folder: string, times: number): number {
  const path = join(folder, 'fdatasync.probe');
  const file = openSync(path, 'w');
  const page = Buffer.alloc(PAGE, 1);
  writeSync(file, Buffer.alloc(PAGE * PAGES));
  fsyncSync(file);
  const from = performance.now();
  for (let i = 0; i < times; i++) {
    writeSync(file, page, 0, PAGE, (i % PAGES) * PAGE);
    fdatasyncSync(file);
  }
  const spent = performance.now() - from;
  closeSync(file);
  rmSync(path);
  return perSecond(times, spent);
}
