/** The link a reader of a message would click first, for the sandbox's clicks. */

import { Parser } from 'htmlparser2';

/** The rendered parts of a message. */
export interface MessageContent {
  html: string | null;
  text: string | null;
}

const HTTP = /^https?:\/\//i;
const BARE = /https?:\/\/[^\s<>"']{1,2000}/i;
/** Punctuation that ends a sentence, not a URL. */
const TRAILING = '.,;:!?)]}';
const STEP = 65_536;

/** The first absolute HTTP link of the HTML part, else of the text part; null when there is none. */
export function firstLink(content: MessageContent): string | null {
  return firstAnchor(content.html ?? '') ?? firstUrl(content.text ?? '');
}

function firstAnchor(html: string): string | null {
  const found: string[] = [];
  const parser = new Parser({
    onopentag(name, { href }) {
      const link = name === 'a' && href !== undefined ? usable(href.trim()) : null;
      if (link !== null) found.push(link);
    },
  });
  for (let at = 0; at < html.length && found.length === 0; at += STEP)
    parser.write(html.slice(at, at + STEP));
  parser.end();
  return found[0] ?? null;
}

function firstUrl(text: string): string | null {
  const url = BARE.exec(text)?.[0];
  if (url === undefined) return null;
  let end = url.length;
  while (end > 0 && TRAILING.includes(url.charAt(end - 1))) end--;
  return usable(url.slice(0, end));
}

function usable(link: string): string | null {
  return HTTP.test(link) && URL.canParse(link) ? link : null;
}
