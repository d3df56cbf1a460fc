/**
 * Tracking of HTML: the links found and one recipient's own spliced in, on the templates of vectors/tracking; and what
 * the tokens cost. One thread.
 */

import { readFileSync } from 'node:fs';
import { planTracking } from '../packages/server/src/deliver/tracking/plan.ts';
import { spliceTracking } from '../packages/server/src/deliver/tracking/splice.ts';
import { mintToken, openToken, TrackingKeys } from '../packages/server/src/domain/tracking-token.ts';
import type { BenchOptions } from './lib/options.ts';
import { goalLine, list, paragraphs, spreadTable } from './lib/report.ts';
import { conditions } from './lib/versions.ts';

interface Figures {
  bothMbPerSecond: number;
  spliceMbPerSecond: number;
  mintMicros: number;
  openMicros: number;
}

const OPTIONS = { charset: 'utf-8', ownOrigin: 'https://click.example.com', exempt: new Set<string>() };
const MEGABYTE = 1e6;
const HIT = { message_id: 'msg_01kq2x7c3v5r9t1b2d4f6h8j0k', recipient: 0 };
const TARGET = 'https://shop.example.com/sale/2026?utm_source=mail&utm_medium=email&utm_campaign=november';

export async function run(options: BenchOptions): Promise<string> {
  const { quick } = options;
  const rounds = options.rounds ?? 10;
  const seconds = options.seconds ?? (quick ? 0.05 : 1);
  const templates = readTemplates();
  // The first rounds pay for code that is not compiled yet.
  measure(templates, seconds);
  const figures = Array.from({ length: rounds }, () => measure(templates, seconds));
  const octets = templates.reduce((sum, html) => sum + html.length, 0);
  const links = templates.reduce((sum, html) => sum + planTracking(html, OPTIONS).links.length, 0);
  return paragraphs(
    `${templates.length} templates of ${Math.round(octets / templates.length)} octets with ${(links / templates.length).toFixed(1)} links on average, ${rounds} rounds, one thread. ${conditions()}`,
    spreadTable(
      'tracking',
      [['', figures]],
      [
        { title: 'found and spliced, MB/s', pick: (one) => one.bothMbPerSecond, digits: 0 },
        { title: 'spliced, found before, MB/s', pick: (one) => one.spliceMbPerSecond, digits: 0 },
        { title: 'minting a click token, µs', pick: (one) => one.mintMicros, digits: 1 },
        { title: 'opening one, µs', pick: (one) => one.openMicros, digits: 1 },
      ],
    ),
    list([
      goalLine(
        {
          what: 'MB/s, found and spliced',
          values: figures.map((one) => one.bothMbPerSecond),
          digits: 0,
          atLeast: 50,
        },
        quick,
      ),
    ]),
  );
}

function readTemplates(): Buffer[] {
  const file = new URL('../vectors/tracking/templates.json', import.meta.url);
  const { documents } = JSON.parse(readFileSync(file, 'utf8')) as { documents: { html: string }[] };
  return documents.map(({ html }) => Buffer.from(html));
}

function measure(templates: readonly Buffer[], seconds: number): Figures {
  const splices = {
    link: (index: number) => `https://click.example.com/c/${index}`,
    pixel: 'https://click.example.com/o/1',
  };
  const plans = templates.map((html) => planTracking(html, OPTIONS));
  const octets = templates.reduce((sum, html) => sum + html.length, 0);
  const keys = new TrackingKeys(Buffer.alloc(32, 1), 'prj_bench');
  const token = { kind: 'click', ...HIT, link: 3, url: TARGET } as const;
  const minted = mintToken(keys, 1, token);
  const both = rate(seconds, () => {
    for (const html of templates) spliceTracking(html, planTracking(html, OPTIONS), splices);
  });
  const splice = rate(seconds, () => {
    for (const [at, html] of templates.entries()) spliceTracking(html, plans[at] ?? NOTHING, splices);
  });
  return {
    bothMbPerSecond: (both * octets) / MEGABYTE,
    spliceMbPerSecond: (splice * octets) / MEGABYTE,
    mintMicros: 1e6 / rate(seconds, () => mintToken(keys, 1, token)),
    openMicros: 1e6 / rate(seconds, () => openToken(keys, 'click', minted)),
  };
}

const NOTHING = { links: [], pixelAt: null, leftOut: 0 };

/** Times a second. */
function rate(seconds: number, work: () => unknown): number {
  const begun = performance.now();
  let count = 0;
  let elapsed = 0;
  for (; elapsed < seconds * 1000; elapsed = performance.now() - begun) {
    for (let n = 0; n < 10; n++) work();
    count += 10;
  }
  return (count * 1000) / elapsed;
}
