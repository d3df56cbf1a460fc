/** The rows by name, each loaded when it is asked for. */

import type { BenchOptions } from './lib/options.ts';

export interface Row {
  what: string;
  /** What must be installed for it; rows without it run on any machine that runs the product. */
  needs?: string;
  load: () => Promise<{ run: (options: BenchOptions) => Promise<string> }>;
}

export const ROWS: Readonly<Record<string, Row>> = {
  publish: {
    what: 'durable end-to-end webhook deliveries against a bare undici.request loop',
    load: () => import('./publish.ts'),
  },
  peers: {
    what: 'the same deliveries by graphile-worker, pg-boss and BullMQ (installs them)',
    needs: 'the peers, PostgreSQL and Redis',
    load: () => import('./peers.ts'),
  },
  'slow-commit': {
    what: 'the rate kept when every commit takes 2 ms more',
    needs: 'strace',
    load: () => import('./slow-commit.ts'),
  },
  history: {
    what: 'the rate kept with 10 million settled deliveries in the database',
    load: () => import('./history.ts'),
  },
  'dead-lane': {
    what: 'the rate of healthy lanes beside one with a million pending on a dead endpoint',
    load: () => import('./dead-lane.ts'),
  },
  hanging: {
    what: 'the rate of healthy lanes while 200 (and 1,000) endpoints hang at once',
    load: () => import('./hanging.ts'),
  },
  latency: {
    what: '1,000 endpoints at 500 events/s offered: from the offer to the wire',
    load: () => import('./latency.ts'),
  },
  recover: {
    what: 'how soon 10,000 held deliveries are out when an endpoint comes back',
    load: () => import('./recover.ts'),
  },
  order: {
    what: 'order within 10,000 messages while 5 % of the requests fail',
    load: () => import('./order.ts'),
  },
  ingest: {
    what: 'the doors: messages and events by HTTP, single and in batches, and mail by SMTP',
    load: () => import('./ingest.ts'),
  },
  dkim: {
    what: 'CPU of a DKIM signature against the bare RSA signature',
    load: () => import('./dkim.ts'),
  },
  rewrite: {
    what: 'links found and replaced in HTML, and the tokens in them',
    load: () => import('./rewrite.ts'),
  },
};
