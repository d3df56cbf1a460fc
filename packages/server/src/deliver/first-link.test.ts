import { describe, expect, it } from 'vitest';
import { firstLink } from './first-link.ts';

describe('first link', () => {
  it.each([
    ['<a href="https://a.test/1">x</a><a href="https://a.test/2">y</a>', 'https://a.test/1'],
    ["<A class='b' HREF = 'http://a.test/?q=1&amp;r=2'>x</A>", 'http://a.test/?q=1&r=2'],
    ['<a\nid="x"\nhref="https://a.test/">x</a>', 'https://a.test/'],
    ['<a href="mailto:x@a.test">m</a><a href="https://a.test/web">w</a>', 'https://a.test/web'],
    ['<img src="https://a.test/pixel.gif">', null],
  ])('of %s is %s', (html, link) => {
    expect(firstLink({ html, text: null })).toBe(link);
  });

  it('comes from the text when the HTML has none, without the full stop', () => {
    expect(firstLink({ html: null, text: 'See https://a.test/x. Bye' })).toBe('https://a.test/x');
    expect(firstLink({ html: '<p>no</p>', text: '(http://a.test/y)' })).toBe('http://a.test/y');
    expect(firstLink({ html: null, text: null })).toBeNull();
  });

  it('takes time in proportion to hostile markup', () => {
    const begun = performance.now();
    expect(firstLink({ html: '<a '.repeat(200_000), text: 'http:/'.repeat(100_000) })).toBeNull();
    expect(
      firstLink({ html: '<a href="x"'.repeat(100_000), text: `http://${'.'.repeat(100_000)}` }),
    ).toBeNull();
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('is none that a browser would not open as a web page', () => {
    expect(
      firstLink({ html: '<a href="javascript:alert(1)">x</a><a href="/y">y</a>', text: null }),
    ).toBeNull();
  });
});
