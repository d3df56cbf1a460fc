/**
 * What of an HTML part is tracked: which `href` values give way to links of ours, and where the pixel goes. Found once
 * for a message; each recipient's own links are then spliced in (`splice.ts`), so that no other octet changes.
 *
 * The tokenizer alone reads the octets, as one character each: no tree, so nesting costs nothing, and what is no valid
 * UTF-8 stays as it is. Links in comments stay as they are, Outlook's conditional ones (`<!--[if mso]>`, VML buttons)
 * included: what is in there is for one client's own reader, and a fault would show nowhere else.
 *
 * About 70 MB/s on the templates of vectors/tracking, splicing included (`npm run bench -- rewrite`, two busy cores); the
 * tokenizer alone makes 130 there.
 */

import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2';
import { MAX_TARGET_BYTES, webTarget } from './target.ts';

/** More links than any newsletter has. What follows them stays as it is. */
const MAX_LINKS = 2000;
/** Octets of a value as it is written: a target of the greatest length, all in character references. */
const MAX_VALUE_BYTES = 8 * MAX_TARGET_BYTES;
/** `<a href="…" data-postrider-track="off">`: this link is not tracked. */
const OPT_OUT = 'data-postrider-track';

export interface TrackedLink {
  /** Octets of the value, without its quotes. */
  start: number;
  end: number;
  /** Decoded: what a browser would go to. */
  url: string;
}

export interface TrackingPlan {
  /** In the order of the document. */
  links: TrackedLink[];
  /** Where the pixel goes; null when the document ends within a comment, a tag or the like. */
  pixelAt: number | null;
  /** Links that stay as they are because there are too many, or they are too long. */
  leftOut: number;
}

export interface PlanOptions {
  /** Of the part's Content-Type. */
  charset: string;
  /** Where links of ours lead, for example `https://click.example.com`: none is rewritten twice. */
  ownOrigin: string;
  /** Targets that stay as they are: those of List-Unsubscribe, which must work without us between. */
  exempt: ReadonlySet<string>;
}

const NOT_ASCII_TEXT = /[\u0080-\u00ff]/;
/** Character sets in which an octet below 80 is not always the ASCII character. Nothing is tracked in them. */
const NOT_ASCII = /^(?:utf-?(?:7|16|32)|ucs|iso-?10646|iso-?2022|hz|x?-?user)/i;

export function planTracking(html: Buffer, options: PlanOptions): TrackingPlan {
  if (NOT_ASCII.test(options.charset)) return { links: [], pixelAt: null, leftOut: 0 };
  return new Finder(html, options).run();
}

class Finder implements TokenizerCallbacks {
  readonly #octets: Buffer;
  readonly #html: string;
  readonly #options: PlanOptions;
  readonly #utf8: boolean;
  readonly #plan: TrackingPlan = { links: [], pixelAt: null, leftOut: 0 };
  /** The document's end is a place for an element. */
  #openEnd = false;

  /** The tag at hand may be a link. */
  #candidate = false;
  #attribute: '' | 'href' | 'opt-out' = '';
  #valueStart = 0;
  #valueEnd = 0;
  /** Of the first attribute of its name: browsers ignore the others. Null = none yet. */
  #href: { start: number; end: number } | null = null;
  #optOut: string | null = null;

  constructor(html: Buffer, options: PlanOptions) {
    this.#octets = html;
    this.#html = html.toString('latin1');
    this.#options = options;
    this.#utf8 = /^(?:utf-?8|(?:us-?)?ascii|)$/i.test(options.charset);
  }

  run(): TrackingPlan {
    // Entities are resolved only in the values that matter: three times as fast.
    const tokenizer = new Tokenizer({ decodeEntities: false }, this);
    tokenizer.write(this.#html);
    if (this.#plan.pixelAt === null) {
      // Only a reader of markup sees an element here, not one that is within a comment, a style or a tag.
      tokenizer.write('<i>');
      if (this.#openEnd) this.#plan.pixelAt = this.#html.length;
    }
    return this.#plan;
  }

  onopentagname(start: number, end: number): void {
    if (start > this.#html.length) this.#openEnd = true;
    const length = end - start;
    this.#candidate = (length === 1 || length === 4) && this.#isLinkName(start, end);
    this.#attribute = '';
    this.#href = null;
    this.#optOut = null;
  }
  onattribname(start: number, end: number): void {
    if (!this.#candidate) return;
    this.#attribute = this.#attributeAt(start, end);
    this.#valueStart = this.#valueEnd = end;
  }
  onattribdata(start: number, end: number): void {
    this.#valueStart = start;
    this.#valueEnd = end;
  }
  onattribend(): void {
    if (this.#attribute === '') return;
    const value = { start: this.#valueStart, end: this.#valueEnd };
    if (this.#attribute === 'href') this.#href ??= value;
    else this.#optOut ??= this.#html.slice(value.start, value.end).trim().toLowerCase();
    this.#attribute = '';
  }
  onopentagend(end: number): void {
    // A tag that the document does not close is none.
    if (this.#candidate && this.#href !== null && end < this.#html.length) this.#link(this.#href);
    this.#candidate = false;
  }
  onselfclosingtag(end: number): void {
    this.onopentagend(end);
  }
  onclosetag(start: number, end: number): void {
    // The last one: mail that quotes another brings that one's end, too.
    if (end - start === 4 && this.#html.slice(start, end).toLowerCase() === 'body')
      this.#plan.pixelAt = start - '</'.length;
  }
  ontext(): void {}
  ontextentity(): void {}
  onattribentity(): void {}
  oncdata(): void {}
  oncomment(): void {}
  ondeclaration(): void {}
  onprocessinginstruction(): void {}
  onend(): void {}

  #isLinkName(start: number, end: number): boolean {
    const name = this.#html.slice(start, end).toLowerCase();
    return name === 'a' || name === 'area';
  }

  #attributeAt(start: number, end: number): '' | 'href' | 'opt-out' {
    const length = end - start;
    if (length !== 'href'.length && length !== OPT_OUT.length) return '';
    const name = this.#html.slice(start, end).toLowerCase();
    if (name === 'href') return 'href';
    return name === OPT_OUT ? 'opt-out' : '';
  }

  #link({ start, end }: { start: number; end: number }): void {
    if (this.#optOut === 'off') return;
    const url = end - start > MAX_VALUE_BYTES ? null : this.#target(start, end);
    const tooLong = url === null ? end - start > MAX_VALUE_BYTES : Buffer.byteLength(url) > MAX_TARGET_BYTES;
    if (url === null && !tooLong) return;
    if (url === null || tooLong || this.#plan.links.length === MAX_LINKS) this.#plan.leftOut++;
    else this.#plan.links.push({ start, end, url });
  }

  #target(start: number, end: number): string | null {
    const raw = this.#text(start, end);
    const target = raw === null ? null : webTarget(raw);
    if (target === null || target.origin === this.#options.ownOrigin) return null;
    return this.#options.exempt.has(target.url) ? null : target.url;
  }

  /**
   * Null where the octets do not say which characters they are. In other sets than UTF-8 a browser encodes a query as
   * the page is encoded, which no link of ours could repeat; so only their ASCII links are tracked.
   */
  #text(start: number, end: number): string | null {
    const text = this.#html.slice(start, end);
    if (!NOT_ASCII_TEXT.test(text)) return text;
    const decoded = this.#utf8 ? this.#octets.toString('utf8', start, end) : '\ufffd';
    return decoded.includes('\ufffd') ? null : decoded;
  }
}
