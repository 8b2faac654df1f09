import { XmlElement as Parsed, parseXml as parse, XmlCdata, XmlText } from '@rgrove/parse-xml';

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Its own text, without that of its children; cut at 2000 characters. */
  readonly text: string;
}

const MAX_DEPTH = 100;
const MAX_TEXT = 2000;

/**
 * Reads XML from anywhere. Nothing is fetched and no entity is expanded: one that a document declares itself is
 * an error, as is anything else that is not well-formed. Control characters, which runners put into messages
 * though XML has none, are left out. Throws an Error whose message is one line; the caller bounds the size.
 */
export function parseXml(text: string): XmlElement {
  const clean = text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '');
  let root: Parsed | null;
  try {
    root = parse(clean).root;
  } catch (error) {
    if (error instanceof RangeError) throw new Error('it is nested too deeply', { cause: error });
    throw new Error(error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error), {
      cause: error,
    });
  }
  if (root === null) throw new Error('it has no root element');
  return elementOf(root, 0);
}

function elementOf(element: Parsed, depth: number): XmlElement {
  if (depth > MAX_DEPTH) throw new Error('it is nested too deeply');
  let text = '';
  const children: XmlElement[] = [];
  for (const child of element.children) {
    if (child instanceof Parsed) children.push(elementOf(child, depth + 1));
    else if ((child instanceof XmlText || child instanceof XmlCdata) && text.length < MAX_TEXT)
      text += child.text.slice(0, MAX_TEXT - text.length);
  }
  return { name: element.name, attributes: element.attributes, children, text };
}
