import { AppError } from '../core/errors.ts';

export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Model names, aliases and lists of them, ARNs included; never an option. */
export const NAME = /^[A-Za-z0-9][\w.:@/,[\]-]{0,199}$/;

/** A value from outside that becomes an argument. Throws `agent.invalid_request` when it is none that the CLI would take. */
export function checkedValue(product: string, name: string, value: string, pattern: RegExp): string {
  if (!pattern.test(value)) throw invalidValue(product, name, value);
  return value;
}

export function invalidValue(product: string, name: string, value: string): AppError {
  return new AppError(
    `${product} cannot be started with this ${name}: ${JSON.stringify(value.slice(0, 100))}`,
    {
      code: 'agent.invalid_request',
      hint: `Correct \`${name.replaceAll('-', '_')}\` of the stage.`,
      facts: { name },
    },
  );
}

/**
 * A prompt with the repository's instructions before it, for a CLI that has no argument for them. A
 * resumed session has them already.
 */
export function promptWithInstructions(request: {
  readonly prompt: string;
  readonly instructions: string;
  readonly session: { readonly resume: boolean };
}): string {
  const { prompt, instructions, session } = request;
  if (session.resume || instructions.trim() === '') return prompt;
  return `# Instructions of this repository\n\n${instructions.trim()}\n\n# Your task\n\n${prompt}`;
}
