import { describe, expect, it } from 'vitest';
import { htmlToText } from './html-to-text.ts';

describe('text from HTML', () => {
  it.each([
    ['paragraphs', '<p>One</p><p>Two</p>', 'One\n\nTwo'],
    ['line breaks', 'a<br>b<br/>c', 'a\nb\nc'],
    ['white space', '  a \n\n b\t<b> c</b>d ', 'a b cd'],
    ['headings', '<h1>Title</h1>text', 'Title\n\ntext'],
    ['entities', '&lt;b&gt; &amp; &eacute; &#8364; &nbsp;x', '<b> & é € x'],
    ['links', '<a href="https://e.x/a?b=1&amp;c=2">Go</a>', 'Go (https://e.x/a?b=1&c=2)'],
    ['a link that is its text', '<a href="https://e.x/">https://e.x/</a>', 'https://e.x/'],
    ['a mail link', '<a href="mailto:a@b.c">a@b.c</a>', 'a@b.c'],
    ['an anchor', '<a href="#top">Up</a>', 'Up'],
    ['a script link', '<a href="javascript:alert(1)">x</a>', 'x'],
    ['a linked image', '<a href="https://e.x/"><img alt="Shop"></a>', 'Shop (https://e.x/)'],
    ['a link around nothing', 'a <a href="https://e.x/"></a> b', 'a https://e.x/ b'],
    ['bullets', '<ul><li>a</li><li>b</li></ul>', '* a\n* b'],
    ['numbers', '<ol><li>a<li>b</ol>', '1. a\n2. b'],
    ['nested lists', '<ul><li>a<ul><li>b</li></ul></li></ul>', '* a\n\n  * b'],
    ['tables', '<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>', 'a b\nc'],
    ['preformatted text', '<pre>a\n  b</pre>c', 'a\n  b\n\nc'],
    ['hidden parts', '<head><title>T</title><style>p{}</style></head><body>x<script>y</script></body>', 'x'],
    ['a head that is never closed', '<head><meta charset=utf-8><body>x', 'x'],
    ['comments', 'a<!-- b --><!--[if mso]>c<![endif]-->d', 'ad'],
    ['a rule', 'a<hr>b', `a\n\n${'-'.repeat(40)}\n\nb`],
    ['nothing', '', ''],
    ['no markup', 'plain', 'plain'],
    ['markup that ends early', '<p>a<b', 'a'],
    ['a bare less-than', '1 < 2', '1 < 2'],
    ['soft hyphens', 'Do&shy;nau', 'Donau'],
  ])('shows %s', (_name, html, text) => {
    expect(htmlToText(html)).toBe(text);
  });

  it.each([
    ['elements nested a million deep', '<div>'.repeat(1_000_000)],
    ['end tags that end nothing', '<b>'.repeat(200_000) + '</i>'.repeat(200_000)],
    ['lists nested deep', '<ul><li>'.repeat(200_000)],
    ['links never closed', '<a href="https://e.x/">x'.repeat(100_000)],
    ['one link around everything', `<a href="https://e.x/">${'<b>x</b>'.repeat(200_000)}`],
    ['attributes without end', `<p ${'a=b '.repeat(400_000)}>x`],
    ['an attribute without end', `<a href="${'x'.repeat(2_000_000)}`],
    ['entities', '&amp;'.repeat(300_000)],
    ['broken entities', '&'.repeat(1_000_000)],
    ['less-thans', '<'.repeat(1_000_000)],
    ['comments that never end', '<!--'.repeat(300_000)],
    ['breaks', '<br>'.repeat(300_000)],
    ['white space', ' \n'.repeat(1_000_000)],
    ['hidden elements nested', '<svg>'.repeat(300_000)],
    ['thirty million characters', 'x '.repeat(15_000_000)],
  ])('takes no more than its time for %s', (_name, html) => {
    // Time of this process alone, as others may be busy beside it.
    const before = process.cpuUsage();
    const text = htmlToText(html);
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(2_000_000);
    expect(text.length).toBeLessThan(4 * 1024 * 1024);
  });
});
