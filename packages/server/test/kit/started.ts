/** What most scenarios begin with: one server and one receiver for all tests of a file. */

import { afterAll, beforeAll, expect } from 'vitest';
import type { ConfigOverrides } from '../../src/base/config.ts';
import { Receiver } from './receiver.ts';
import { startTestServer, type TestServer } from './test-server.ts';

export interface Started {
  server: TestServer;
  receiver: Receiver;
}

/**
 * To be called at the top of a file; the parts are there once its tests run. Afterwards the log must hold nothing
 * worse than `info`, but the messages in `complaints`.
 */
export function started(overrides: ConfigOverrides = {}, complaints: string[] = []): Started {
  const parts = {} as Started;
  beforeAll(async () => {
    [parts.server, parts.receiver] = await Promise.all([startTestServer(overrides), Receiver.start()]);
  });
  afterAll(async () => {
    await parts.server.stop();
    await parts.receiver.close();
    const unexpected = parts.server.complaints.filter(({ message }) => !complaints.includes(message));
    expect(unexpected).toEqual([]);
  });
  return parts;
}
