/** What is sent through the doors: the same bytes every time, so that both sides and all rounds get the same work. */

import { data } from './payload.ts';

export interface IngestCase {
  name: string;
  /** Null: by SMTP. */
  http: { path: string; body: string } | null;
  clients: number;
  /** In one request. */
  items: number;
  /** Items measured, as a multiple of what the command line asks for. */
  weight: number;
  /** Whether the work goes on after the answer: a message is delivered, and that is counted as CPU of the item too. */
  goesOn: boolean;
}

const BATCH = 100;

const EVENT = { event_type: 'custom.order.paid', data: data(1) };
const MESSAGE = {
  from: 'Shop <shop@example.com>',
  to: 'delivered@sandbox.test',
  subject: 'Your order',
  text: 'It is on its way to you.\nRegards, the shop.\n',
};

export const INGEST_CASES: readonly IngestCase[] = [
  {
    name: 'POST /v1/events, one event',
    http: { path: '/v1/events', body: JSON.stringify(EVENT) },
    clients: 64,
    items: 1,
    weight: 1,
    goesOn: false,
  },
  {
    name: `POST /v1/events, ${BATCH} events`,
    http: {
      path: '/v1/events',
      body: JSON.stringify({ events: Array.from({ length: BATCH }, () => EVENT) }),
    },
    clients: 8,
    items: BATCH,
    weight: 5,
    goesOn: false,
  },
  {
    name: 'POST /v1/messages',
    http: { path: '/v1/messages', body: JSON.stringify(MESSAGE) },
    clients: 64,
    items: 1,
    weight: 0.5,
    goesOn: true,
  },
  {
    name: `POST /v1/messages/batch, ${BATCH} messages`,
    http: {
      path: '/v1/messages/batch',
      body: JSON.stringify({ messages: Array.from({ length: BATCH }, () => MESSAGE) }),
    },
    clients: 8,
    items: BATCH,
    weight: 0.5,
    goesOn: true,
  },
  { name: 'SMTP, pipelined', http: null, clients: 20, items: 1, weight: 0.5, goesOn: true },
];
