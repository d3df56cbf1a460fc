import { describe, expect, test } from 'vitest';
import { deliveryDetailSchema, deliverySchema } from '@postrider/contract/schemas/delivery';
import { messageContentSchema, messageSchema } from '@postrider/contract/schemas/message';
import { encodeId } from '@postrider/contract/ids';
import { deliveryId } from '../domain/delivery-id.ts';
import type { Environment } from '../domain/tenancy.ts';
import { compileSchema } from '../domain/validator.ts';
import type { DeliveryView, MessageView } from '../store/ports.ts';
import { ContentReader } from './content-reader.ts';
import { Query, type ReadStore } from './query.ts';

const SANDBOX: Environment = { env: 2, project_id: 'prj_a', name: 'sandbox', clock_offset_ms: 0 };
const LIVE: Environment = { env: 1, project_id: 'prj_a', name: 'live', clock_offset_ms: 0 };

function id(prefix: string): string {
  return encodeId(
    prefix,
    Uint8Array.from({ length: 16 }, (_, i) => i),
  );
}
const EVENT = id('evt');
const MESSAGE = id('msg');
const DELIVERY = deliveryId(EVENT, 3, 9);

const VIEW: MessageView = {
  message: {
    message_id: MESSAGE,
    env: 2,
    via: 'api',
    from: 'a@example.com',
    subject: 'Hi',
    stream: 'transactional',
    tags: ['t'],
    metadata: { k: 'v' },
    campaign_id: null,
    size: 10,
    created_at: 1_000,
    send_at: null,
    expires_at: 5_000,
    cancelled_at: null,
  },
  recipients: [
    {
      address: 'x@sandbox.test',
      role: 'to',
      state: { status: 'delivered', previous: 'accepted', terminal: false },
    },
    { address: 'y@sandbox.test', role: 'bcc', state: null },
  ],
};
const DELIVERY_VIEW: DeliveryView = {
  lane: 3,
  seq: 9,
  log: 4,
  endpoint_id: id('end'),
  event_id: EVENT,
  event_type: 'delivered',
  message_id: MESSAGE,
  status: 'pending',
  attempts: 1,
  created_at: 1_000,
  next_attempt_at: 31_000,
  settled_at: null,
  last_status: 500,
  last_error: 'http',
};
const RAW = [
  'From: "Zo\u00eb" <zoe@example.com>',
  'To: Team: ann@example.com, bea@example.com;',
  'Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<p>hello</p>',
  '--b',
  'Content-Type: application/pdf; name="a.pdf"',
  'Content-Disposition: attachment; filename="a.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  'QUJDRA==',
  '--b--',
  '',
].join('\r\n');

function storeWith(parts: Partial<ReadStore> = {}): ReadStore {
  const unused = (): never => {
    throw new Error('not part of this test');
  };
  return {
    getMessage: async (env, message_id) => (env === 2 && message_id === MESSAGE ? VIEW : null),
    listMessages: async () => ({ data: [VIEW], next_cursor: 'c' }),
    rawMessage: async (env, message_id) => (env === 2 && message_id === MESSAGE ? Buffer.from(RAW) : null),
    getEvent: async () => null,
    listEvents: unused,
    listDeliveries: async () => ({ data: [DELIVERY_VIEW], next_cursor: null }),
    getDelivery: async (env, lane, seq) =>
      env === 2 && lane === 3 && seq === 9
        ? {
            delivery: DELIVERY_VIEW,
            attempts: [
              {
                attempt: 1,
                at: 1_000,
                status: 500,
                latency_ms: 3,
                error: 'http',
                error_detail: null,
                response_excerpt: 'no',
              },
            ],
          }
        : null,
    eventsAfter: unused,
    logPosition: unused,
    logEnd: unused,
    ...parts,
  };
}

const query = new Query({ store: storeWith(), content: new ContentReader() });
const NO_FILTER = { endpoint_id: null, event_id: null, message_id: null, after: null, before: null };

describe('what is shown', () => {
  test('a message fits its schema', async () => {
    const message = await query.message(SANDBOX, MESSAGE);
    expect(compileSchema(messageSchema)(message)).toEqual([]);
    expect(message).toMatchObject({
      environment: 'sandbox',
      created_at: '1970-01-01T00:00:01.000Z',
      recipients: [{ status: 'delivered' }, { role: 'bcc', status: null, state: null }],
    });
    const page = { limit: 50, cursor: null };
    expect(await query.captured(SANDBOX, page)).toEqual({ data: [message], next_cursor: 'c' });
  });

  test("another environment's message is not there", async () => {
    await expect(query.message(LIVE, MESSAGE)).rejects.toMatchObject({ code: 'not_found' });
    await expect(query.raw(LIVE, MESSAGE)).rejects.toMatchObject({ code: 'not_found' });
    await expect(query.event(LIVE, EVENT)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('MIME past retention is gone, not unknown', async () => {
    const purged = new Query({
      store: storeWith({ rawMessage: async () => null }),
      content: new ContentReader(),
    });
    await expect(purged.raw(SANDBOX, MESSAGE)).rejects.toMatchObject({ code: 'gone' });
    await expect(purged.content(SANDBOX, MESSAGE)).rejects.toMatchObject({ code: 'gone' });
  });

  test('a delivery fits its schema, and its id leads to it', async () => {
    const { data } = await query.deliveries(
      SANDBOX,
      { ...NO_FILTER, status: 'pending' },
      { limit: 1, cursor: null },
    );
    expect(compileSchema(deliverySchema)(data[0])).toEqual([]);
    expect(data[0]?.delivery_id).toBe(DELIVERY);
    const detail = await query.delivery(SANDBOX, DELIVERY);
    expect(compileSchema(deliveryDetailSchema)(detail)).toEqual([]);
    expect(detail.attempts[0]).toMatchObject({ attempt: 1, error: 'http', response_excerpt: 'no' });
  });

  test.each([
    ['of another environment', LIVE, DELIVERY],
    ['with another time in it', SANDBOX, deliveryId(id('evt').replace('evt_0', 'evt_1'), 3, 9)],
    ['of a lane that is not there', SANDBOX, deliveryId(EVENT, 4, 9)],
    ['that is no id', SANDBOX, 'del_x'],
    ['of another kind', SANDBOX, EVENT],
  ])('a delivery id %s is not found', async (_name, environment, delivery_id) => {
    await expect(query.delivery(environment, delivery_id)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('content is what a mail program shows', async () => {
    const content = await query.content(SANDBOX, MESSAGE);
    expect(compileSchema(messageContentSchema)(content)).toEqual([]);
    expect(content).toMatchObject({
      subject: 'Gr\u00fc\u00dfe',
      from: { name: 'Zo\u00eb', email: 'zoe@example.com' },
      to: [{ email: 'ann@example.com' }, { email: 'bea@example.com' }],
      attachments: [{ filename: 'a.pdf', content_type: 'application/pdf', size: 4 }],
    });
    expect(content.html).toContain('<p>hello</p>');
  });
});
