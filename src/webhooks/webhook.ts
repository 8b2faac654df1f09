/**
 * One vendor's deliveries. A delivery is believed in one thing: where it is worth looking anew. What changed
 * there is then read from the vendor itself, so a delivery that comes late, twice, out of order or is replayed
 * can do no harm, and one that never comes costs the time to the next regular look.
 */
export interface Webhook {
  /** Names the route: `/webhooks/<kind>`. */
  readonly kind: string;
  /** Headers that may carry the signature, lower case. All that are present have to be right, one has to be there. */
  readonly signatureHeaders: readonly string[];
  /**
   * Whether one of these headers holds the signature of exactly these bytes; in constant time. An empty one
   * never does.
   */
  isSigned(header: string, value: string, body: Uint8Array, secret: string): boolean;
  /** What a body of that event says. Never throws: what it does not know or cannot read is no event of ours. */
  read(headers: WebhookHeaders, body: unknown): WebhookEvent;
}

/** One value of a header by its lower-case name; null when it is absent. */
export type WebhookHeaders = (name: string) => string | null;

export interface WebhookEvent {
  /** What happened, in the vendor's words; for the log. */
  readonly what: string;
  /** The vendor's name for this delivery, to tell repeats; null when it has none. */
  readonly delivery: string | null;
  /** Who did it, by the vendor's id; null = not told. */
  readonly actor: string | null;
  /** Where to look; empty when it concerns nothing of ours. */
  readonly places: readonly WebhookPlace[];
}

/** Something worth a look. `at` is the repository (`owner/name`) or project (Plane's id) as the vendor names it. */
export type WebhookPlace =
  | { readonly kind: 'item'; readonly at: string; readonly id: string }
  | { readonly kind: 'pull_request'; readonly at: string; readonly number: number }
  | { readonly kind: 'branch'; readonly at: string; readonly branch: string }
  | { readonly kind: 'commit'; readonly at: string; readonly commit: string };
