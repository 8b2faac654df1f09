import Anser from 'anser';

const ESCAPE = '\u001b';
const BASIC = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;

/** Colours of a log line as classes; its text is only ever text. */
export function Ansi({ text }: { text: string }) {
  if (!text.includes(ESCAPE)) return text;
  return Anser.ansiToJson(text, { use_classes: true, json: true, remove_empty: true }).map((piece, i) => {
    const classes = [
      colour(piece.fg),
      ...piece.decorations.map((each) =>
        each === 'bold' || each === 'dim' || each === 'italic' || each === 'underline'
          ? `ansi-${each}`
          : null,
      ),
    ].filter((each) => each !== null);
    return classes.length === 0 ? (
      piece.content
    ) : (
      <span key={i} className={classes.join(' ')}>
        {piece.content}
      </span>
    );
  });
}

/** The eight names, their bright ones and the first sixteen of the palette; all other colours are plain text. */
function colour(name: string | null): string | null {
  if (name === null) return null;
  const palette = /^ansi-palette-(\d+)$/.exec(name)?.[1];
  const basic =
    palette === undefined
      ? name.replace(/^ansi-(?:bright-)?/, '')
      : Number(palette) < 16
        ? BASIC[Number(palette) % 8]
        : undefined;
  return BASIC.some((each) => each === basic) ? `ansi-${basic}` : null;
}
