import { z } from 'zod';

/** What is relied on of Plane's answers, and nothing else: the rest differs from version to version. */

const named = z.object({ id: z.string(), name: z.string() });
/** An id, or with `expand` the object that has it. */
const reference = z
  .union([z.string(), z.object({ id: z.string() })])
  .transform((value) => (typeof value === 'string' ? value : value.id));

export const planeProject = named.extend({ identifier: z.string(), workspace: z.string().nullish() });
export const planeLabel = named;
export const planeState = named.extend({ group: z.string(), sequence: z.number().nullish() });

/** Some versions tell the role (20 admin, 15 member, 5 guest), some do not; some wrap the person. */
export const planeMember = z.preprocess(
  (value) => {
    if (typeof value !== 'object' || value === null || !('member' in value)) return value;
    const { member } = value;
    return typeof member === 'object' ? { ...value, ...member } : value;
  },
  z.object({
    id: z.string(),
    display_name: z.string().nullish(),
    email: z.string().nullish(),
    role: z.number().nullish(),
  }),
);

export const planeItem = z.object({
  id: z.string(),
  project: z.string(),
  sequence_id: z.number().int(),
  name: z.string(),
  description_html: z.string().nullish(),
  priority: z.string().nullish(),
  state: reference.nullable(),
  labels: z.array(reference),
  assignees: z.array(reference),
  created_at: z.string(),
  updated_at: z.string(),
  archived_at: z.string().nullish(),
  is_draft: z.boolean().nullish(),
});

export const planeComment = z.object({
  id: z.string(),
  comment_html: z.string().nullish(),
  actor: reference.nullish(),
  updated_by: reference.nullish(),
  external_source: z.string().nullish(),
  external_id: z.string().nullish(),
  created_at: z.string(),
  updated_at: z.string(),
});

export type PlaneProject = z.output<typeof planeProject>;
export type PlaneLabel = z.output<typeof planeLabel>;
export type PlaneState = z.output<typeof planeState>;
export type PlaneMember = z.output<typeof planeMember>;
export type PlaneItem = z.output<typeof planeItem>;
export type PlaneComment = z.output<typeof planeComment>;

export function page<T extends z.ZodType>(of: T) {
  return z.object({
    results: z.array(of),
    next_page_results: z.boolean(),
    next_cursor: z.string().nullish(),
  });
}
