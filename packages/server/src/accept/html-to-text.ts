/**
 * The plain text beside an HTML body (RFC 2046 section 5.1.4), for mail that brings none.
 *
 * Works on the tokenizer alone: no tree, no recursion, nothing that grows with nesting. So a hostile body costs
 * time in proportion to its length, and only its first part is read.
 */

import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2';

/** Characters of HTML that are read; at most 0.2 s of work. What real mail shows is far shorter. */
const MAX_HTML_LENGTH = 1024 * 1024;

const BLOCKS: ReadonlySet<string> = new Set(
  'address article aside blockquote body caption center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tbody tfoot thead title tr ul'.split(
    ' ',
  ),
);
/** Blocks with an empty line around them. */
const SPACED: ReadonlySet<string> = new Set(
  'p h1 h2 h3 h4 h5 h6 blockquote pre table ul ol dl hr figure'.split(' '),
);
/** Elements whose text nobody sees. Their content is skipped up to their end tag. */
const HIDDEN: ReadonlySet<string> = new Set(
  'script style title head template noembed noframes iframe object svg math select textarea'.split(' '),
);

/** White space to fold, or marks that only browsers use. */
const NOT_AS_IS = /[\t\r\n\f\u00ad\u200b\ufeff]| {2}/;

export function htmlToText(html: string): string {
  const writer = new TextWriter(html.length > MAX_HTML_LENGTH ? html.slice(0, MAX_HTML_LENGTH) : html);
  return writer.run();
}

class TextWriter implements TokenizerCallbacks {
  readonly #html: string;
  readonly #out: string[] = [];
  /** Line breaks owed before the next visible text; more than two never are. */
  #breaks = 0;
  #space = false;
  #started = false;

  #tag = '';
  #attribute = '';
  #value = '';
  #attributes: { href: string; alt: string } = { href: '', alt: '' };

  /** The hidden element we are in, and how many of its kind are open. */
  #hidden = '';
  #hiddenDepth = 0;
  #link: { href: string; from: number } | null = null;
  #preformatted = 0;
  /** Counters of the open lists: 0 = bullets. Bounded; deeper lists share the last one. */
  readonly #lists: number[] = [];

  constructor(html: string) {
    this.#html = html;
  }

  run(): string {
    const tokenizer = new Tokenizer({ decodeEntities: true }, this);
    tokenizer.write(this.#html);
    tokenizer.end();
    this.#closeLink();
    return this.#out.join('').trimEnd();
  }

  ontext(start: number, end: number): void {
    if (this.#hidden === '') this.#write(this.#html.slice(start, end));
  }
  ontextentity(codepoint: number): void {
    if (this.#hidden === '') this.#write(String.fromCodePoint(codepoint));
  }
  onopentagname(start: number, end: number): void {
    this.#tag = this.#html.slice(start, end).toLowerCase();
    this.#attributes = { href: '', alt: '' };
  }
  onattribname(start: number, end: number): void {
    this.#attribute = this.#html.slice(start, end).toLowerCase();
    this.#value = '';
  }
  onattribdata(start: number, end: number): void {
    if (this.#attribute === 'href' || this.#attribute === 'alt') this.#value += this.#html.slice(start, end);
  }
  onattribentity(codepoint: number): void {
    if (this.#attribute === 'href' || this.#attribute === 'alt')
      this.#value += String.fromCodePoint(codepoint);
  }
  onattribend(): void {
    if (this.#attribute === 'href' || this.#attribute === 'alt')
      this.#attributes[this.#attribute] = this.#value;
  }
  onopentagend(): void {
    this.#open(this.#tag);
  }
  onselfclosingtag(): void {
    // HTML ignores the slash on its own elements, and foreign ones are hidden as a whole.
    if (this.#hidden === '' && !HIDDEN.has(this.#tag)) this.#open(this.#tag);
  }
  onclosetag(start: number, end: number): void {
    this.#close(this.#html.slice(start, end).toLowerCase());
  }
  oncdata(): void {}
  oncomment(): void {}
  ondeclaration(): void {}
  onprocessinginstruction(): void {}
  onend(): void {}

  #open(tag: string): void {
    if (this.#hidden !== '') {
      if (tag === this.#hidden) this.#hiddenDepth++;
      // A head that is never closed ends where the body starts.
      if (this.#hidden === 'head' && tag === 'body') this.#hidden = '';
      return;
    }
    if (HIDDEN.has(tag)) {
      this.#hidden = tag;
      this.#hiddenDepth = 1;
      return;
    }
    if (tag === 'br') this.#out.push('\n');
    if (tag === 'br') this.#space = false;
    else if (BLOCKS.has(tag)) this.#break(tag);
    if (tag === 'a') this.#openLink();
    else if (tag === 'img') this.#write(this.#attributes.alt);
    else if (tag === 'pre') this.#preformatted++;
    else if (tag === 'hr') this.#write('-'.repeat(40));
    else if (tag === 'td' || tag === 'th') this.#space = true;
    else if (tag === 'ul' || tag === 'ol') this.#openList(tag);
    else if (tag === 'li') this.#bullet();
    if (tag === 'hr') this.#break(tag);
  }

  #close(tag: string): void {
    if (this.#hidden !== '') {
      if (tag === this.#hidden && --this.#hiddenDepth === 0) this.#hidden = '';
      return;
    }
    if (tag === 'a') this.#closeLink();
    else if (tag === 'pre') this.#preformatted = Math.max(0, this.#preformatted - 1);
    else if (tag === 'ul' || tag === 'ol') this.#lists.pop();
    if (BLOCKS.has(tag)) this.#break(tag);
  }

  #openList(tag: string): void {
    if (this.#lists.length < 8) this.#lists.push(tag === 'ol' ? 1 : 0);
  }

  #bullet(): void {
    const last = this.#lists.length - 1;
    const count = this.#lists[last] ?? 0;
    if (count > 0) this.#lists[last] = count + 1;
    this.#flush();
    this.#out.push('  '.repeat(Math.max(0, last)), count > 0 ? `${count}. ` : '* ');
    this.#started = true;
  }

  #openLink(): void {
    this.#closeLink();
    const href = this.#attributes.href.trim();
    if (/^(?:https?:|mailto:|tel:)/i.test(href)) this.#link = { href, from: this.#out.length };
  }

  /** The address follows its text, unless the text is the address. */
  #closeLink(): void {
    const link = this.#link;
    if (link === null) return;
    this.#link = null;
    const text = this.#out.slice(link.from).join('').trim();
    const shown = link.href.replace(/^mailto:|^tel:/i, '');
    if (text === link.href || text === shown) return;
    this.#write(text === '' ? shown : ` (${shown})`);
  }

  #break(tag: string): void {
    this.#breaks = Math.max(this.#breaks, SPACED.has(tag) ? 2 : 1);
    this.#space = false;
  }

  #write(text: string): void {
    if (this.#preformatted > 0) {
      this.#flush();
      this.#out.push(text);
      this.#started = true;
      return;
    }
    const words = NOT_AS_IS.test(text)
      ? text.replace(/[ \t\r\n\f]+/g, ' ').replace(/[\u00ad\u200b\ufeff]/g, '')
      : text;
    if (words.startsWith(' ')) this.#space = true;
    const body = words.trim();
    if (body === '') return;
    this.#flush();
    this.#out.push(body);
    this.#started = true;
    this.#space = words.endsWith(' ');
  }

  /** Writes the breaks or the blank owed before visible text. */
  #flush(): void {
    if (this.#started && this.#breaks > 0) this.#out.push('\n'.repeat(this.#breaks));
    else if (this.#started && this.#space && this.#out.at(-1) !== '\n') this.#out.push(' ');
    this.#breaks = 0;
    this.#space = false;
  }
}
