/** What the scripted model says; see README.md. */
export interface Scenario {
  /** Used one after the other for requests that offer tools, which are the agent's own turns. */
  readonly replies?: readonly Scripted[];
  /** Once `replies` are used up. Default: a text. */
  readonly after?: Scripted;
  /** For requests without tools, such as titles. Default: a text. */
  readonly side?: Reply;
}

/** A reply, or what makes one out of what the model was told. */
export type Scripted = Reply | ((request: ModelRequest) => Reply);

export interface ToolUse {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface Reply {
  readonly text?: string;
  readonly tool_use?: ToolUse | readonly ToolUse[];
  readonly usage?: Partial<Usage>;
  readonly headers?: Readonly<Record<string, string>>;
  /** How often this reply is given before the next one's turn. Default: once. */
  readonly repeat?: number | 'forever';
  /** An HTTP error instead of an answer. */
  readonly status?: number;
  readonly error?: { readonly type: string; readonly message: string };
  /** The plan is used up: 429 with the vendor's headers. */
  readonly usage_limit?: { readonly claim: 'five_hour' | 'seven_day'; readonly reset: number };
  /** Wait this long before the answer begins. */
  readonly delay_ms?: number;
  /** The stream stops in its middle for this long, then breaks. */
  readonly stall_ms?: number;
  /** The connection is cut. */
  readonly drop?: 'before_headers' | 'mid_stream';
}

export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

/** The part of a request to `/v1/messages` that scripts and tests look at. */
export interface ModelRequest {
  readonly model: string;
  readonly stream: boolean;
  /** All system blocks, joined. */
  readonly system: string;
  /** All that was said so far, by whom and in which kind of block notwithstanding: prompts, tool results. */
  readonly said: string;
  /** What a person (for Orch's agents: Orch) said last, without what the CLI adds by itself. */
  readonly told: string;
  /** How often the model has answered since. */
  readonly answers: number;
  /** Names of the tools that are offered. */
  readonly tools: readonly string[];
}

/** One request as the server saw it. */
export interface Seen extends ModelRequest {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  /** `main` offers tools, `side` does not, `other` is no request for an answer. */
  readonly kind: 'main' | 'side' | 'other';
  /** Which header carried a credential, and its fingerprint; never the credential. */
  readonly credentials: readonly { readonly header: string; readonly fingerprint: string }[];
  readonly replied: string;
}
