/**
 * The rate with millions of settled deliveries in the database against an empty one. Before each start the
 * history is dropped from the page cache, and both are warmed with the same work. It is made once and worked on in
 * place, as ten copies of gigabytes would measure the copying: a round adds under a percent to it.
 */

import { cached, databaseInputs } from './lib/cache.ts';
import { dropFromMemory } from './lib/data-files.ts';
import { addLanes, drive, showFigures, type Lane, type ProductFigures } from './lib/drive.ts';
import { fillHistory } from './lib/fill-history.ts';
import type { BenchOptions } from './lib/options.ts';
import { alternate, ratios } from './lib/pairs.ts';
import { everythingDelivered, startProduct, withProduct } from './lib/product.ts';
import { startReceiver, type Receiver } from './lib/receiver.ts';
import { goalLine, paragraphs, PEAK_COLUMN, RATE_COLUMNS, spreadTable } from './lib/report.ts';
import { conditions } from './lib/versions.ts';

interface Side extends ProductFigures {
  startMs: number;
}

const GENERATORS = ['./lib/fill.ts', './lib/fill-checkpoints.ts', './lib/fill-history.ts'].map(
  (file) => new URL(file, import.meta.url),
);

export async function run(options: BenchOptions): Promise<string> {
  const { quick, history } = options;
  const rounds = options.rounds ?? 10;
  const events = options.events ?? (quick ? 500 : 40_000);
  const inputs = [String(history), ...databaseInputs(...GENERATORS)];
  const filled = await cached(quick ? 'history-quick' : 'history', inputs, (dir) => build(dir, history));
  const receiver = await startReceiver();
  try {
    const sides = {
      empty: () => measure(receiver, events, null),
      filled: () => measure(receiver, events, filled),
    };
    const results = await alternate<'empty' | 'filled', Side>(rounds, sides, showFigures);
    return paragraphs(
      `${events} events a round, ${rounds} rounds, ${history} deliveries in history. Median [min–max]. ${conditions(receiver.name)}`,
      spreadTable<Side>(
        'database',
        [
          ['empty', results.empty],
          ['with history', results.filled],
        ],
        [...RATE_COLUMNS, PEAK_COLUMN, { title: 'start, ms', pick: (f) => f.startMs, digits: 0 }],
      ),
      goalLine(
        {
          what: 'Rate with the history against an empty database, pair by pair',
          values: ratios(results.filled, results.empty, (f) => f.perSecond),
          digits: 2,
          atLeast: 0.9,
        },
        quick,
      ),
    );
  } finally {
    await receiver.stop();
  }
}

/** Null: an empty database of its own. */
async function measure(receiver: Receiver, events: number, dir: string | null): Promise<Side> {
  let lanes: Lane[] = [];
  return withProduct(
    dir === null ? {} : { dir, prepare: dropFromMemory },
    async (product) => {
      lanes = await addLanes(product, receiver.url, 1);
      await drive(product, receiver, lanes, Math.ceil(events / 4));
      const figures = await drive(product, receiver, lanes, events);
      for (const { endpoint_id } of lanes) await product.call('DELETE', `/v1/endpoints/${endpoint_id}`);
      return { ...figures, startMs: product.startMs };
    },
    everythingDelivered,
    () => lanes.map((lane) => lane.endpoint_id),
  );
}

async function build(dir: string, deliveries: number): Promise<void> {
  const product = await startProduct({ dir });
  const endpointIds: string[] = [];
  try {
    for (let n = 0; n < 2; n++) {
      // Nothing is ever sent there: no event of the measurement is a complaint.
      const endpoint = { url: 'http://127.0.0.1/history', event_types: ['complaint'] };
      const { endpoint_id } = await product.call('POST', '/v1/endpoints', endpoint);
      endpointIds.push(endpoint_id as string);
    }
  } finally {
    await product.end();
  }
  fillHistory(dir, endpointIds, deliveries);
}
