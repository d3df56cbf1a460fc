/** The link a reader of a message would click first, for the sandbox's clicks. */

/** The rendered parts of a message. */
export interface MessageContent {
  html: string | null;
  text: string | null;
}

/** `href` of an anchor; the value ends at its own quote, so no other attribute is read. */
const ANCHOR =
  /<a\s[^>]{0,2000}?href\s{0,10}=\s{0,10}(?:"(https?:\/\/[^"\s<>]{1,2000})"|'(https?:\/\/[^'\s<>]{1,2000})')/i;
const BARE = /https?:\/\/[^\s<>"']{1,2000}/i;
/** Punctuation that ends a sentence, not a URL. */
const TRAILING = /[.,;:!?)\]}]+$/;

/** The first absolute HTTP link of the HTML part, else of the text part; null when there is none. */
export function firstLink(content: MessageContent): string | null {
  const anchor = content.html === null ? null : ANCHOR.exec(content.html);
  const href = anchor?.[1] ?? anchor?.[2];
  if (href !== undefined) return usable(href.replaceAll('&amp;', '&'));
  const bare = content.text === null ? null : BARE.exec(content.text);
  return bare === null ? null : usable(bare[0].replace(TRAILING, ''));
}

function usable(link: string): string | null {
  return URL.canParse(link) ? link : null;
}
