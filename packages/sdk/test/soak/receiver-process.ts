/**
 * A small receiving app, to be killed and started again: `node receiver-process.ts FILE MODE [HANDLER_MS]`. It prints its port,
 * and counts each event's effect in the table `effects` of the same SQLite file. MODE: `transactional` (once), or `plain` (at
 * least once; the effect commits before the done mark, and the handler takes HANDLER_MS).
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeListener } from '../../src/receiver/node-http.ts';
import { createReceiver } from '../../src/receiver/receiver.ts';
import { sqliteStore } from '../../src/receiver/sqlite-store.ts';

const [file = '', mode = 'transactional', handlerMs = '0'] = process.argv.slice(2);
const secrets = (process.env['RECEIVER_SECRETS'] ?? '').split(' ');
const store = sqliteStore(file);
store.database.exec('CREATE TABLE IF NOT EXISTS effects (event_id TEXT NOT NULL)');
const effect = store.database.prepare('INSERT INTO effects (event_id) VALUES (?)');

// A killed process leaves its leases behind: short ones, so that the next need not wait long.
const common = { secrets, store, concurrency: 2_000, timeLimit: 5_000, lease: 6_000, pollInterval: 100 };
const receiver =
  mode === 'transactional'
    ? createReceiver({
        ...common,
        transactional: true,
        handlers: { '*': ({ event }) => void effect.run(event.event_id) },
      })
    : createReceiver({
        ...common,
        handlers: {
          '*': async ({ event }) => {
            if (handlerMs !== '0') await delay(Number(handlerMs));
            effect.run(event.event_id);
          },
        },
      });

const server = createServer(nodeListener(receiver));
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.once('SIGTERM', () => {
  server.close(() => void receiver.close());
  server.closeIdleConnections();
});
