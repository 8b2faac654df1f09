import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { packTar } from 'modern-tar';

export interface TextFile {
  /** With folders before it, divided by `/`. */
  readonly name: string;
  readonly text: string;
}

/** Texts as one archive below a folder, readable by its owner alone. Held in memory: the caller bounds them. */
export async function packTexts(folder: string, files: readonly TextFile[], at: Date): Promise<Buffer> {
  const entries = files.map(({ name, text }) => {
    const body = Buffer.from(text);
    return {
      header: { name: `${folder}/${name}`, size: body.length, mode: 0o600, mtime: at },
      body: new Uint8Array(body),
    };
  });
  return promisify(gzip)(await packTar(entries));
}
