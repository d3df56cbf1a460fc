/** The tally's own judgement: each kind of fault that it is there to see, made by hand, is seen. */

import type { EventEnvelope, PushedEnvelope } from '@postrider/contract/events';
import type { DeliveryObject } from '@postrider/contract/schemas/delivery';
import { describe, expect, it } from 'vitest';
import { honestPlaces, type TallyRules } from '../../kit/honest-places.ts';
import type { Receipt, Said } from '../../kit/hostile/receipt.ts';

const DELIVERED: TallyRules = { states: ['delivered'] };

type Receipts = [id: string, seq: number, said: Said][];
interface Records {
  accepted?: string[];
  log?: string[];
  deliveries?: [id: string, seq: number, status: DeliveryObject['status']][];
  receipts?: Receipts;
}

/** Two events, accepted, stored, delivered and taken, but for what `part` says. */
async function faults(part: Records, rules: TallyRules = DELIVERED): Promise<string[]> {
  const {
    accepted = ['a', 'b'],
    log = ['a', 'b'],
    deliveries = [
      ['a', 1, 'delivered'],
      ['b', 2, 'delivered'],
    ],
    receipts = [
      ['a', 1, 'taken'],
      ['b', 2, 'taken'],
    ],
  } = part;
  const api = {
    events: () =>
      Promise.resolve(
        log.map((event_id) => ({ event_id, event_type: 'custom.x' }) as unknown as EventEnvelope),
      ),
    deliveries: () =>
      Promise.resolve(
        deliveries.map(([event_id, seq, status]) => ({ event_id, seq, status }) as DeliveryObject),
      ),
  };
  const got = receipts.map(([event_id, seq, said], index): Receipt => ({
    number: index + 1,
    at: index,
    life: 1,
    event_id,
    event: { event_id, seq } as PushedEnvelope,
    headers: {},
    said,
  }));
  const lane = { endpoint_id: 'end_1', path: { name: 'lane', receipts: got } };
  return (await honestPlaces(api, accepted, [lane], rules)).faults;
}

describe('the tally', () => {
  it('finds nothing wrong when every event is in its place', async () => {
    expect(await faults({})).toEqual([]);
  });

  it('sees what was accepted and is in no log, and what is in the log and has no delivery', async () => {
    expect(await faults({ accepted: ['a', 'b', 'c'] })).toEqual(['LOST: accepted c is not in the log']);
    expect(await faults({ log: ['a', 'b', 'c'] })).toEqual(['lane: LOST: no delivery of c']);
  });

  it('sees two deliveries of one event, and a gap in seq', async () => {
    const twice = await faults({
      deliveries: [
        ['a', 1, 'delivered'],
        ['b', 2, 'delivered'],
        ['a', 3, 'delivered'],
      ],
    });
    expect(twice).toContain('lane: two deliveries of a');
    const gap = await faults({
      deliveries: [
        ['a', 1, 'delivered'],
        ['b', 3, 'delivered'],
      ],
      receipts: [
        ['a', 1, 'taken'],
        ['b', 3, 'taken'],
      ],
    });
    expect(gap).toEqual(['lane: seq 3 where 2 is due']);
  });

  it('sees a delivery that is delivered and that nobody took, and one that was taken and is not', async () => {
    const refused: Receipts = [
      ['a', 1, 'taken'],
      ['b', 2, 'refused'],
    ];
    expect(await faults({ receipts: refused })).toEqual(['lane: b is delivered, and nobody took it']);
    const pending = await faults(
      {
        deliveries: [
          ['a', 1, 'delivered'],
          ['b', 2, 'pending'],
        ],
      },
      { states: ['delivered', 'pending'] },
    );
    expect(pending).toEqual(['lane: b was taken, and is pending']);
  });

  it('sees a state that is not allowed, and an event that nobody sent', async () => {
    const failed = await faults({
      deliveries: [
        ['a', 1, 'delivered'],
        ['b', 2, 'failed'],
      ],
      receipts: [['a', 1, 'taken']],
    });
    expect(failed).toEqual(['lane: b is failed']);
    const stranger: Receipts = [
      ['a', 1, 'taken'],
      ['b', 2, 'taken'],
      ['z', 9, 'refused'],
    ];
    expect(await faults({ receipts: stranger })).toEqual(['lane: got z, of which there is no delivery']);
  });

  it('lays a duplicate to an acknowledgement that may have been lost, and to nothing else', async () => {
    const again = (said: Said): Receipts => [
      ['a', 1, 'taken'],
      ['b', 2, said],
      ['b', 2, 'taken'],
    ];
    expect(await faults({ receipts: again('refused') })).toEqual([]);
    expect(await faults({ receipts: again('doubtful') })).toEqual([]);
    expect(await faults({ receipts: again('taken') })).toEqual([
      'lane: doubled: b, taken by request 2, came again',
    ]);
    const lost: TallyRules = { ...DELIVERED, lost: ({ number }) => number === 2 };
    expect(await faults({ receipts: again('taken') }, lost)).toEqual([]);
  });
});
