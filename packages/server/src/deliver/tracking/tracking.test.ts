import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { Parser } from 'htmlparser2';
import { describe, expect, it } from 'vitest';
import { planTracking, type PlanOptions } from './plan.ts';
import { spliceTracking } from './splice.ts';
import { MAX_TARGET_BYTES } from './target.ts';

interface Case {
  name: string;
  html: string;
  links: { raw: string; target: string }[];
  pixel_before: string | null;
}

const OPTIONS: PlanOptions = {
  charset: 'utf-8',
  ownOrigin: 'https://click.example',
  exempt: new Set(['https://x.example/unsubscribe?u=1&v=2']),
};
const PIXEL = 'https://click.example/o/pixel';
const IMAGE = `<img src="${PIXEL}" width="1" height="1" border="0" alt="" style="display:block;width:1px;height:1px;border:0">`;
const LINK = /https:\/\/click\.example\/c\/n(\d+)n/;

function cases(name: string): Case[] {
  const file = new URL(`../../../../../vectors/tracking/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { documents: Case[] }).documents;
}
function rewrite(html: Buffer, options = OPTIONS): Buffer {
  return spliceTracking(html, planTracking(html, options), {
    link: (index) => `https://click.example/c/n${index}n`,
    pixel: PIXEL,
  });
}

/** The targets of all links as a parser with a tree sees them, ours resolved. */
function targets(html: string, resolve: (index: number) => string | undefined): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  const parser = new Parser({
    onopentag(name, { href }) {
      if (name !== 'a' && name !== 'area') return;
      const ours = href === undefined ? null : LINK.exec(href);
      found.push(ours === null ? href : resolve(Number(ours[1])));
    },
  });
  parser.end(html);
  return found;
}
/** As the URL parser takes it: what it cannot take stays as it is. */
function resolved(href: string | undefined): string | undefined {
  return href !== undefined && URL.canParse(href) ? new URL(href).href : href;
}

const templates = cases('templates');
const documents = [...templates, ...cases('links')];

describe('tracking of a document', () => {
  it.each(documents)('$name', ({ html, links, pixel_before }) => {
    const octets = Buffer.from(html);
    const plan = planTracking(octets, OPTIONS);
    expect(plan.links.map(({ url }) => url)).toEqual(links.map(({ target }) => target));
    const text = rewrite(octets).toString();

    // Back to the very octets: the values as they were, and no pixel where it is said to be.
    const expected = pixel_before === null ? text : text.replace(IMAGE + pixel_before, pixel_before);
    expect(expected.includes(IMAGE)).toBe(false);
    expect(expected.replace(new RegExp(LINK, 'g'), (_, n: string) => links[Number(n)]?.raw ?? '')).toBe(html);
    expect(pixel_before === null).toBe(text === expected);

    // And what a parser sees leads where it did.
    const before = targets(html, () => undefined).map(resolved);
    expect(targets(text, (n) => plan.links[n]?.url).map(resolved)).toEqual(before);
    // Ours are none to be rewritten.
    expect(planTracking(Buffer.from(text), OPTIONS).links).toEqual([]);
  });

  it('covers at least 50 templates, with links in each', () => {
    expect(templates.length).toBeGreaterThanOrEqual(50);
    expect(templates.every(({ links }) => links.length > 0)).toBe(true);
  });

  it('leaves octets alone that are no UTF-8, and the links that have them', () => {
    const html = Buffer.from(
      '\xff<a href="https://x.example/\xe4">\x80<a href="https://x.example/a">\xfe',
      'latin1',
    );
    expect(rewrite(html).toString('latin1')).toBe(
      `\xff<a href="https://x.example/\xe4">\x80<a href="https://click.example/c/n0n">\xfe${IMAGE}`,
    );
  });

  it.each(['iso-8859-1', 'windows-1252', 'Shift_JIS', 'gb18030'])(
    'in %s tracks only links of ASCII',
    (charset) => {
      const html = Buffer.from(
        '<a href="https://x.example/\xe4\xf6"><a href="https://x.example/a">',
        'latin1',
      );
      expect(planTracking(html, { ...OPTIONS, charset }).links.map(({ url }) => url)).toEqual([
        'https://x.example/a',
      ]);
    },
  );

  it.each(['utf-16le', 'UTF-7', 'iso-2022-jp', 'hz-gb-2312', 'utf-32'])('tracks nothing in %s', (charset) => {
    const html = Buffer.from('<a href="https://x.example/a">');
    expect(rewrite(html, { ...OPTIONS, charset }).equals(html)).toBe(true);
  });

  it('keeps the links that the caller does not replace, and goes without a pixel', () => {
    const html = Buffer.from('<a href="https://x.example/a"><a href="https://x.example/b"></body>');
    const plan = planTracking(html, OPTIONS);
    const made = spliceTracking(html, plan, {
      link: (n) => (n === 1 ? 'https://c.example/1' : null),
      pixel: null,
    });
    expect(made.toString()).toBe('<a href="https://x.example/a"><a href="https://c.example/1"></body>');
  });

  it.each(['https://c.example/?a&b', 'https://c.example/a b', 'https://c.example/">', 'javascript:1', '/c'])(
    'refuses to put in %s',
    (url) => {
      const html = Buffer.from('<a href=https://x.example/a>');
      const plan = planTracking(html, OPTIONS);
      expect(() => spliceTracking(html, plan, { link: () => url, pixel: null })).toThrow(RangeError);
      expect(() => spliceTracking(html, plan, { link: () => null, pixel: url })).toThrow(RangeError);
    },
  );
});

describe('bounds', () => {
  it('leaves links that are too long, or too many', () => {
    const long = `https://x.example/${'a'.repeat(MAX_TARGET_BYTES - 18)}`;
    const huge = `https://x.example/${'&#97;'.repeat(10_000)}`;
    const html = `<a href="${long}"><a href="${long}b"><a href="${huge}">${'<a href="https://x.example/">'.repeat(2010)}`;
    const plan = planTracking(Buffer.from(html), OPTIONS);
    expect(plan.links[0]?.url).toBe(long);
    expect(plan.links.length).toBe(2000);
    expect(plan.leftOut).toBe(2 + 2010 - 1999);
  });

  it.each([
    ['nesting', `${'<div><table><a>'.repeat(100_000)}<a href="https://x.example/a">`, 1],
    ['attributes', `<a ${'x=1 '.repeat(500_000)} href="https://x.example/a">`, 1],
    ['duplicates', `<a ${'href="https://x.example/a" '.repeat(100_000)}>`, 1],
    ['blanks in a value', `<a href="https://x.example/a${' '.repeat(2_000_000)}b">`, 0],
    ['open comments', '<!--'.repeat(500_000), 0],
    ['open tags', '<a '.repeat(500_000), 0],
    ['open quotes', '<a href="'.repeat(300_000), 0],
    ['end tags', '</body>'.repeat(300_000), 0],
    ['ampersands', '<a href="https://x.example/?&&&&&&&&&&&">'.repeat(50_000), 2000],
  ])('takes time in proportion to the length: %s', (_name, html, links) => {
    const octets = Buffer.from(html);
    const begun = performance.now();
    expect(planTracking(octets, OPTIONS).links.length).toBe(links);
    // Megabytes in tens of milliseconds; the bound is for a busy machine, and far below what squares would take.
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  it('of any text, changes nothing but the links it found', () => {
    const piece = fc.constantFrom(
      '<a ',
      'href',
      '=',
      '"',
      "'",
      'https://x.example/a',
      '>',
      '</body>',
      '<!--',
      '-->',
      '<style>',
      '</style>',
      '<!',
      '/',
      ' ',
      '&amp;',
      '<',
      '<title>',
      '</title>',
      '\0',
      '\u00fc',
      '{{',
      'data-postrider-track=off',
      '<![CDATA[',
      ']]>',
      '<svg>',
      '<textarea>',
      '</textarea>',
      '--!>',
      '\r\n',
      '<area ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const html = pieces.join('');
        const octets = Buffer.from(html);
        const plan = planTracking(octets, OPTIONS);
        const text = rewrite(octets).toString();
        const raw = (n: string): string =>
          octets.toString('utf8', plan.links[Number(n)]?.start, plan.links[Number(n)]?.end);
        expect(text.replace(IMAGE, '').replace(new RegExp(LINK, 'g'), (_, n: string) => raw(n))).toBe(html);
        const found = targets(text, (n) => plan.links[n]?.url).map(resolved);
        expect(found).toEqual(targets(html, () => undefined).map(resolved));
        if (plan.pixelAt !== null) expect(images(text)).toBe(images(html) + 1);
      }),
      { numRuns: 2000 },
    );
  });
});

function images(html: string): number {
  let count = 0;
  const parser = new Parser({
    onopentagname(name) {
      if (name === 'img') count++;
    },
  });
  parser.end(html);
  return count;
}
