import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** What was given, else what a person says in a terminal, else the default. */
export async function asked(
  given: string | undefined,
  yes: boolean,
  question: string,
  otherwise: string,
): Promise<string> {
  if (given !== undefined) return given;
  if (yes || !process.stdin.isTTY) return otherwise;
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = (await prompt.question(`${question} [${otherwise}] `)).trim();
  prompt.close();
  return answer === '' ? otherwise : answer;
}

/** As `asked`, without showing what is typed; null when nobody can be asked. */
export async function askedInSecret(question: string, yes: boolean): Promise<string | null> {
  if (yes || !process.stdin.isTTY) return null;
  const hidden = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(`${question}: `);
  const prompt = createInterface({ input: process.stdin, output: hidden, terminal: true });
  const answer = (await prompt.question('')).trim();
  prompt.close();
  process.stderr.write('\n');
  return answer;
}
