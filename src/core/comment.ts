/** Somebody in a tracker or on a forge. */
export interface Person {
  readonly id: string;
  /** Login or display name; shown, never a permission. */
  readonly name: string;
  /** May write to the repository or project: their words reach agents, their reviews and commands count. */
  readonly mayWrite: boolean;
}

/** What a person said on an item or a pull request. */
export interface Comment {
  readonly id: string;
  readonly by: Person;
  /** Markdown, without a marker of ours. */
  readonly body: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly url: string | null;
}
