/** Where a link leads, as a browser would go, and whether a click on it can be tracked. */

import { Tokenizer } from 'htmlparser2';

/**
 * Octets. A token carries the target in base64, so that the whole link stays under 2,900 characters: some clients and
 * gateways cut or refuse more.
 */
export const MAX_TARGET_BYTES = 2048;

/** What a later hand fills in: the target is not known yet, and a token would freeze the placeholder. */
const PLACEHOLDER = /\{\{|\{%|\{#|\[\[|\[%|<%|%%|\*\||\$\{/;
const OTHER_REFERENCE = /&(?!amp;)/;
const ABSOLUTE = /^https?:\/\//i;
const NOTHING_TO_STRIP = /^[^\0- ]*$/;
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

export interface WebTarget {
  /** As written, decoded. */
  url: string;
  /** As a browser has it: the host in lower case, no default port. */
  origin: string;
}

/**
 * The target of an `href` as it stands between its quotes, entities and all; null for what is no absolute web address,
 * has a placeholder in it, or no browser could go to. Relative links stay: they are found by `<base>` or by nobody.
 */
export function webTarget(value: string): WebTarget | null {
  const url = stripped(value.includes('&') ? decoded(value) : value);
  const parsed = ABSOLUTE.test(url) && !PLACEHOLDER.test(url) ? URL.parse(url) : null;
  return parsed === null ? null : { url, origin: parsed.origin };
}

/**
 * Without what the URL parser drops before it begins: C0 controls and blanks around, tabs and line ends anywhere
 * (https://url.spec.whatwg.org/#concept-basic-url-parser, steps 1 to 3).
 */
function stripped(text: string): string {
  if (NOTHING_TO_STRIP.test(text)) return text;
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) <= SPACE) start++;
  while (end > start && text.charCodeAt(end - 1) <= SPACE) end--;
  let kept = '';
  let from = start;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code !== TAB && code !== LF && code !== CR) continue;
    kept += text.slice(from, at);
    from = at + 1;
  }
  return from === start ? text.slice(start, end) : kept + text.slice(from, end);
}

function ignore(): void {}

/** Character references resolved once, by the rules for attributes: `&copy=1` is no sign but a parameter. */
function decoded(value: string): string {
  // As nearly all of them are written, and thirty times as fast.
  if (!OTHER_REFERENCE.test(value)) return value.replaceAll('&amp;', '&');
  let text = '';
  // Quoted anew, as the value may come from other quotes, or none.
  const html = `<a b="${value.replaceAll('"', '&quot;')}">`;
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      onattribdata: (start, end) => (text += html.slice(start, end)),
      onattribentity: (codepoint) => (text += String.fromCodePoint(codepoint)),
      onattribend: ignore,
      onattribname: ignore,
      oncdata: ignore,
      onclosetag: ignore,
      oncomment: ignore,
      ondeclaration: ignore,
      onend: ignore,
      onopentagend: ignore,
      onopentagname: ignore,
      onprocessinginstruction: ignore,
      onselfclosingtag: ignore,
      ontext: ignore,
      ontextentity: ignore,
    },
  );
  tokenizer.write(html);
  tokenizer.end();
  return text;
}
