import MarkdownIt from 'markdown-it';
import sanitize from 'sanitize-html';
import TurndownService from 'turndown';

// Plane keeps HTML. It cleans descriptions, but stores comments as they were sent, scripts included: what is
// written here is the words of agents, what is read here may be anybody's.

/** A description or comment that is longer is cut: nobody wrote so much by hand. */
const MAX_READ_CHARS = 256 * 1024;
const MAX_WRITTEN_CHARS = 256 * 1024;
/** Elements inside of each other; what lies deeper is left out. */
const MAX_DEPTH = 40;
/** HTML is words to the writer; these are for machines. */
const MARKER = /<!--[^\n]{0,300}?-->/g;

const TAGS = [
  ...['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'pre', 'code'],
  ...['ul', 'ol', 'li', 'strong', 'b', 'em', 'i', 's', 'del', 'u', 'a'],
  ...['table', 'thead', 'tbody', 'tr', 'th', 'td'],
];

const WRITTEN: sanitize.IOptions = {
  allowedTags: TAGS,
  allowedAttributes: { a: ['href', 'title'], ol: ['start'] },
  allowedSchemes: ['http', 'https', 'mailto'],
  allowProtocolRelative: false,
  disallowedTagsMode: 'discard',
  nestingLimit: MAX_DEPTH,
};

/** Markdown as Plane's HTML. HTML in it is words, not markup; comments of it (markers) are dropped. */
export function toHtml(markdown: string): string {
  return sanitize(writer.render(markdown.slice(0, MAX_WRITTEN_CHARS).replaceAll(MARKER, '')), WRITTEN).trim();
}

/** Plane's HTML, or what somebody sent as such, as Markdown. Never throws. */
export function toMarkdown(html: string, nameOf: (personId: string) => string | null = () => null): string {
  const clean = sanitize(html.slice(0, MAX_READ_CHARS), {
    ...WRITTEN,
    allowedTags: [...TAGS, 'div', 'span', 'input'],
    allowedAttributes: { a: ['href'], ol: ['start'], input: ['type', 'checked'] },
    transformTags: {
      'mention-component': (_tag, { entity_identifier: id = '' }) => ({
        tagName: 'span',
        attribs: {},
        text: `@${nameOf(id) ?? 'somebody'}`,
      }),
      'image-component': () => ({ tagName: 'span', attribs: {}, text: '(image)' }),
      img: (_tag, { alt = '' }) => ({ tagName: 'span', attribs: {}, text: alt === '' ? '(image)' : alt }),
    },
  });
  return reader.turndown(clean).trim();
}

const writer = new MarkdownIt({ html: false, linkify: true });
/** Nothing is fetched to be shown: a picture is a link. */
writer.disable('image');

const reader = new TurndownService({
  headingStyle: 'atx',
  bulletListMarker: '-',
  codeBlockStyle: 'fenced',
  emDelimiter: '*',
  hr: '---',
});
/** The words stay as they were written: they are read by people and agents, and commands by their letters. */
reader.escape = (text) => text;
reader.addRule('code', {
  filter: ['pre'],
  replacement: (_content, node) => {
    const text: string = (node.textContent ?? '').replace(/\n$/, '');
    const fence = '`'.repeat(Math.max(3, ...(text.match(/`{3,}/g) ?? []).map((run) => run.length + 1)));
    return `\n\n${fence}\n${text}\n${fence}\n\n`;
  },
});
reader.addRule('struck', { filter: ['del', 's'], replacement: (content) => `~~${content}~~` });
reader.addRule('box', {
  filter: (node) => node.nodeName === 'INPUT',
  replacement: (_content, node) => ('checked' in node && node.checked === true ? '[x] ' : '[ ] '),
});
reader.addRule('row', {
  filter: 'tr',
  replacement: (content) => `${content.trim()}\n`,
});
reader.addRule('cell', { filter: ['td', 'th'], replacement: (content) => `${content.trim()} | ` });
