import { expect, it } from 'vitest';
import { killSoak } from './kill-soak.ts';
import { STORIES } from './stories.ts';

const KILLS = 10;
/** `npm run soak -- kill` offers the same load; this run is the short one, so it leaves out what takes a minute. */
const QUICK_STORIES = Object.keys(STORIES).filter((name) => name !== 'slow');

it(
  'loses nothing over ten kills under load, and doubles only what was not acknowledged',
  { timeout: 180_000 },
  async () => {
    const seed = Date.now() % 1_000_000;
    const report = await killSoak({
      kills: KILLS,
      seed,
      eventsPerSecond: 1_250,
      messagesPerSecond: 130,
      longestLife: 2_000,
      stories: QUICK_STORIES,
      drainWithin_ms: 60_000,
      say: () => {},
    });
    expect(report.faults, `seed ${seed}`).toEqual([]);
    // The flaky endpoint's breaker opens now and then, and says so.
    expect(report.complaints.filter((line) => !line.includes('endpoint.failing'))).toEqual([]);
    expect(report.rows).toHaveLength(KILLS);
    // The kills fell into work: answers were lost, and acknowledgements too.
    expect(report.ledger.repeated).toBeGreaterThan(0);
    expect(report.unsettled).toBeGreaterThan(0);
    expect(report.arrivals.duplicates.length).toBeLessThanOrEqual(report.unsettled);
    // A busy machine may take the load more slowly; it is offered all the same.
    expect(report.offered.events).toBeGreaterThanOrEqual(1_000);
    expect(report.offered.messages).toBeGreaterThanOrEqual(100);
    expect(report.accepted.http).toBeGreaterThan(0);
    expect(report.accepted.smtp).toBeGreaterThan(0);
  },
);
