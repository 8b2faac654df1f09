import { sharesLabel } from './pipeline.ts';

export const SIZES = ['small', 'medium', 'large'] as const;
export type Size = (typeof SIZES)[number];

/** The pipeline of everything that no other one asks for. */
export const FULL = 'full';

/** The short one that every project has. */
export const QUICK = 'quick';

/** What a pipeline asks of a work item. Empty means not asked for; where both are given, both have to hold. */
export interface PipelineWhen {
  readonly labels: readonly string[];
  readonly size: readonly Size[];
}

/** What is known of a work item when its pipeline is chosen. */
export interface ItemFacts {
  readonly labels: readonly string[];
  readonly size: Size | null;
}

/** The first pipeline that asks for such an item, in the order of the file; `full` when none does. */
export function choosePipeline(
  pipelines: readonly { readonly name: string; readonly when: PipelineWhen | null }[],
  item: ItemFacts,
): string {
  return pipelines.find(({ when }) => when !== null && asksFor(when, item))?.name ?? FULL;
}

function asksFor({ labels, size }: PipelineWhen, item: ItemFacts): boolean {
  if (labels.length === 0 && size.length === 0) return false;
  if (labels.length > 0 && !sharesLabel(labels, item.labels)) return false;
  return size.length === 0 || (item.size !== null && size.includes(item.size));
}

/** Labels and size as they are kept: a label `size:small` or `size/small` speaks where no size is given; of several the largest. */
export function itemFacts(labels: readonly string[], size: Size | null): ItemFacts {
  const kept: string[] = [];
  for (const label of labels.map((each) => each.trim()))
    if (label !== '' && !sharesLabel([label], kept)) kept.push(label);
  const said = kept.map((label) => /^size[:/]\s*(\S+)$/i.exec(label)?.[1]?.toLowerCase());
  return { labels: kept, size: size ?? SIZES.findLast((each) => said.includes(each)) ?? null };
}
