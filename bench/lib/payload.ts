/** What both sides send: an envelope of about 600 octets, as our events are. */

const FILL = 'x'.repeat(300);

/** The application's own `data`. */
export function data(n: number): { order: number; note: string } {
  return { order: n, note: FILL };
}

/** The envelope as it goes over the wire. */
export function payload(n: number): string {
  return JSON.stringify({
    event_id: `evt_${String(n).padStart(26, '0')}`,
    event_type: 'custom.order.paid',
    timestamp: '2026-04-19T14:32:01.123Z',
    message_id: null,
    recipient: null,
    data: data(n),
    environment: 'sandbox',
    tags: [],
    metadata: {},
    campaign_id: null,
    state: null,
    seq: n,
  });
}
