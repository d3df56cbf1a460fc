/**
 * Durable end-to-end deliveries (HTTP batch in, FULL commits, signed POST, result stored) against a bare
 * `undici.request` loop with the same signature, body, concurrency and receiver. Interleaved, order reversed
 * each round; every round starts fresh processes, so neither side is warmer than the other.
 */

import { addLanes, BATCH, drive, IN_FLIGHT, showFigures, type Figures } from './lib/drive.ts';
import type { BenchOptions } from './lib/options.ts';
import { alternate, ratios } from './lib/pairs.ts';
import { runScript } from './lib/processes.ts';
import { withProduct } from './lib/product.ts';
import { startReceiver, type Receiver } from './lib/receiver.ts';
import { goalLine, paragraphs, PEAK_COLUMN, RATE_COLUMNS, spreadTable } from './lib/report.ts';
import { spread } from './lib/statistics.ts';
import { conditions } from './lib/versions.ts';

interface Side extends Figures {
  peakMb?: number;
}

export async function run(options: BenchOptions): Promise<string> {
  const rounds = options.rounds ?? 10;
  const events = options.events ?? (options.quick ? 1_000 : 100_000);
  const receiver = await startReceiver();
  try {
    const { bare, product } = await alternate<'bare' | 'product', Side>(
      rounds,
      { bare: () => runBare(receiver, events), product: () => runProduct(receiver, events) },
      showFigures,
    );
    const how = `${events} events a round, ${rounds} rounds, ${IN_FLIGHT} in flight, batches of ${BATCH}.`;
    return paragraphs(
      `${how} Median [min–max]. ${conditions(receiver.name)}`,
      spreadTable<Side>(
        '',
        [
          ['bare undici.request + HMAC, no store', bare],
          ['Postrider, durable end to end', product],
        ],
        [...RATE_COLUMNS, PEAK_COLUMN],
      ),
      goals(bare, product, options.quick),
    );
  } finally {
    await receiver.stop();
  }
}

async function runBare(receiver: Receiver, events: number): Promise<Side> {
  const before = await receiver.count();
  const figures = await runScript<Side>('./bare-loop-process.ts', [
    receiver.url,
    String(events),
    String(IN_FLIGHT),
  ]);
  const received = (await receiver.count()) - before;
  if (received !== events) throw new Error(`${events} requests were made, ${received} arrived`);
  return figures;
}

async function runProduct(receiver: Receiver, events: number): Promise<Side> {
  return withProduct({}, async (product) =>
    drive(product, receiver, await addLanes(product, receiver.url, 1), events),
  );
}

function goals(bare: readonly Side[], product: readonly Side[], quick: boolean): string {
  const rate = {
    what: 'Ratio of the rates, pair by pair',
    values: ratios(product, bare, (f) => f.perSecond),
    digits: 2,
    atLeast: 0.65,
    hoped: 0.75,
  };
  const cpu = ratios(product, bare, (f) => f.cpuMicros);
  return paragraphs(goalLine(rate, quick), `Ratio of the CPU per delivery, pair by pair: ${spread(cpu, 2)}.`);
}
