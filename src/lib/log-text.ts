/** What a terminal would do with the text of one line, as far as a page can: colours stay, all else goes. */

const STRINGS = /\x1b[\]PX^_][^\x07\x1b]{0,8192}(?:\x07|\x1b\\|$)/g; // OSC, DCS, SOS, PM, APC: titles, links, pictures
const CSI = /\x1b\[[0-?]*[ -/]*[@-~]/g;
const SGR = /^\x1b\[[0-9;:]*m$/;
const OTHER_ESCAPES = /\x1b(?!\[[0-9;:]*m)(?:[ -/]*[0-~])?/g;
// Controls, and what turns the direction of text around: a line would read as another than it is.
const UNSEEN = /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** One line, cleaned: the last frame of a progress line, SGR colours closed at its end. */
export function cleanLine(line: string): string {
  const frame = lastFrame(line);
  const text = frame
    .replace(STRINGS, '')
    .replace(CSI, (sequence) => (SGR.test(sequence) ? sequence : ''))
    .replace(OTHER_ESCAPES, '')
    .replace(UNSEEN, '·');
  return isColourOpen(text) ? `${text}\x1b[0m` : text;
}

/** Without colours too. */
export function plainLine(line: string): string {
  return cleanLine(line).replace(CSI, '');
}

/** A carriage return starts the line anew: what is left is the last that was written. */
function lastFrame(line: string): string {
  if (!line.includes('\r')) return line;
  return line.split('\r').findLast((frame) => frame.replace(CSI, '').trim() !== '') ?? '';
}

function isColourOpen(text: string): boolean {
  const last = text.match(CSI)?.at(-1);
  return last !== undefined && !/^\x1b\[0*m$/.test(last);
}
