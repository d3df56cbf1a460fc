/**
 * The yardstick: a loop of signed `undici.request` calls and nothing else. No store, no retries, no limits.
 * A process of its own; prints one JSON line when it is done.
 */

import { createHmac, createSecretKey } from 'node:crypto';
import { Pool } from 'undici';
import { payload } from './payload.ts';

const [url = '', count = '0', concurrency = '64'] = process.argv.slice(2);
const target = new URL(url);
const total = Number(count);
const pool = new Pool(target.origin, { connections: Number(concurrency), allowH2: false });
const key = createSecretKey(Buffer.from('0123456789abcdef0123456789abcdef'));

let next = 0;
async function worker(): Promise<void> {
  while (next < total) {
    const n = next++;
    const id = `evt_${String(n).padStart(26, '0')}`;
    const timestamp = String(Math.floor(Date.now() / 1000));
    const body = payload(n);
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    const response = await pool.request({
      method: 'POST',
      path: target.pathname,
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      },
      body,
    });
    await response.body.dump();
    if (response.statusCode !== 204) throw new Error(`status ${response.statusCode}`);
  }
}

const begun = performance.now();
const cpu = process.cpuUsage();
await Promise.all(Array.from({ length: Number(concurrency) }, worker));
const used = process.cpuUsage(cpu);
const seconds = (performance.now() - begun) / 1000;
console.log(JSON.stringify({ perSecond: total / seconds, cpuMicros: (used.user + used.system) / total }));
await pool.close();
