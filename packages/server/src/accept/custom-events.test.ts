import { beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../base/ids.ts';
import { PostriderError } from '../domain/errors.ts';
import { CustomEvents, readEvents } from './custom-events.ts';
import { FakeStore, LIMITS, NOW, refusal, SANDBOX } from './testing/fakes.ts';

const KEY = { key: 'k', fingerprint: 'f', now: NOW };
const GOOD = { event_type: 'custom.order.paid', data: { total: 12.5, items: ['a', null, true] } };

let store: FakeStore;
let events: CustomEvents;

beforeEach(() => {
  store = new FakeStore();
  events = new CustomEvents({ store, clocks: { now: () => NOW }, limits: LIMITS });
});

/** As it comes from a request: members such as __proto__ are own ones. */
function json(text: string): unknown {
  return JSON.parse(text);
}

function nested(depth: number): unknown {
  return json('{"a":'.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1));
}

describe('custom events', () => {
  it('are stored with their own id, data and labels', async () => {
    const message_id = newId('msg');
    const answer = await events.record(
      SANDBOX,
      {
        ...GOOD,
        recipient: 'Ann@EXAMPLE.com',
        message_id,
        tags: ['t'],
        metadata: { a: 'b' },
        campaign_id: 'c',
      },
      null,
    );
    expect(store.events).toEqual([
      [
        {
          event_id: answer.event_ids[0],
          event_type: 'custom.order.paid',
          at: NOW,
          message_id,
          recipient: 'Ann@example.com',
          data: '{"total":12.5,"items":["a",null,true]}',
          labels: '"tags":["t"],"metadata":{"a":"b"},"campaign_id":"c"',
          campaign_id: 'c',
        },
      ],
    ]);
  });

  it('have empty data and no labels by default, or those of their message', () => {
    const [plain] = readEvents({ event_type: 'custom.x' }, NOW, LIMITS);
    expect(plain).toMatchObject({ data: '{}', labels: '"tags":[],"metadata":{},"campaign_id":null' });
    const [about] = readEvents({ event_type: 'custom.x', message_id: newId('msg') }, NOW, LIMITS);
    expect(about?.labels).toBeNull();
  });

  it('come in thousands, in order, in parts with keys of their own', async () => {
    const list = Array.from({ length: 1000 }, (_, n) => ({ event_type: 'custom.n', data: { n } }));
    const first = await events.record(SANDBOX, { events: list }, KEY);
    expect(first.event_ids).toHaveLength(1000);
    expect(first.event_ids).toEqual([...first.event_ids].sort());
    expect(store.events.map((part) => part.length)).toEqual(Array.from({ length: 10 }, () => 100));
    expect(store.events.flat().map((event) => event.data)).toEqual(
      list.map(({ data }) => JSON.stringify(data)),
    );
    expect([...store.idempotency.keys()].slice(0, 2)).toEqual(['2 k', '2 k#1']);
    expect(await events.record(SANDBOX, { events: list }, KEY)).toEqual({ ...first, replayed: true });
    expect(store.events).toHaveLength(10);
  });

  it('store nothing under a key that another request has used', async () => {
    await events.record(SANDBOX, GOOD, KEY);
    const list = Array.from({ length: 250 }, () => GOOD);
    const other = { ...KEY, fingerprint: 'other' };
    expect((await refusal(() => events.record(SANDBOX, { events: list }, other))).code).toBe(
      'idempotency_conflict',
    );
    expect(store.events.flat()).toHaveLength(1);
  });

  it('are sent again after a part failed, and none is stored twice', async () => {
    const list = Array.from({ length: 250 }, () => GOOD);
    store.failures.push(new PostriderError('overloaded', 'busy'));
    expect((await refusal(() => events.record(SANDBOX, { events: list }, KEY))).code).toBe('overloaded');
    const answer = await events.record(SANDBOX, { events: list }, KEY);
    expect(answer.event_ids).toHaveLength(250);
    expect(store.events.flat()).toHaveLength(250);
  });

  it.each<[string, unknown, string]>([
    ['null', null, ''],
    ['a list', [GOOD], ''],
    ['no type', {}, '/event_type'],
    ['a type of ours', { event_type: 'delivered' }, '/event_type'],
    ['custom alone', { event_type: 'custom' }, '/event_type'],
    ['an empty segment', { event_type: 'custom..a' }, '/event_type'],
    ['a dot at the end', { event_type: 'custom.a.' }, '/event_type'],
    ['capitals', { event_type: 'custom.A' }, '/event_type'],
    ['a quote', { event_type: 'custom.a"b' }, '/event_type'],
    ['LF', { event_type: 'custom.a\n' }, '/event_type'],
    ['a long type', { event_type: `custom.${'a'.repeat(100)}` }, '/event_type'],
    ['a wildcard', { event_type: 'custom.*' }, '/event_type'],
    ['an unknown field', { ...GOOD, datta: {} }, '/datta'],
    ['a field of the envelope', { ...GOOD, event_id: 'evt_x' }, '/event_id'],
    ['a list as data', { ...GOOD, data: [] }, '/data'],
    ['text as data', { ...GOOD, data: '{}' }, '/data'],
    ['null as data', { ...GOOD, data: null }, '/data'],
    ['__proto__ in data', { ...GOOD, data: json('{"a":[{"__proto__":{"x":1}}]}') }, '/data/a/0/__proto__'],
    ['constructor in data', { ...GOOD, data: { constructor: 1 } }, '/data/constructor'],
    ['prototype in data', { ...GOOD, data: { prototype: {} } }, '/data/prototype'],
    ['data nested too deep', { ...GOOD, data: nested(33) }, `/data${'/a'.repeat(32)}`],
    ['a lone surrogate in data', { ...GOOD, data: { a: 'x\ud800' } }, '/data'],
    ['a lone surrogate in a key', { ...GOOD, data: { '\udc00': 1 } }, '/data'],
    ['much data', { ...GOOD, data: { a: 'x'.repeat(65_536) } }, '/data'],
    ['much data of few letters', { ...GOOD, data: { a: '你'.repeat(30_000) } }, '/data'],
    ['a mailbox as recipient', { ...GOOD, recipient: 'Ann <ann@example.com>' }, '/recipient'],
    ['CR LF in the recipient', { ...GOOD, recipient: 'ann@example.com\r\n' }, '/recipient'],
    ['a number as recipient', { ...GOOD, recipient: 5 }, '/recipient'],
    ['a bad message id', { ...GOOD, message_id: 'msg_1' }, '/message_id'],
    ['an id of another kind', { ...GOOD, message_id: newId('evt') }, '/message_id'],
    ['an object as message id', { ...GOOD, message_id: {} }, '/message_id'],
    ['a bad tag', { ...GOOD, tags: [''] }, '/tags/0'],
    ['bad metadata', { ...GOOD, metadata: { a: 1 } }, '/metadata/a'],
    ['no events', { events: [] }, '/events'],
    ['1,001 events', { events: Array.from({ length: 1001 }, () => GOOD) }, '/events'],
    ['an object as events', { events: {} }, '/events'],
    ['an event beside events', { events: [GOOD], event_type: 'custom.x' }, '/event_type'],
    ['a bad one among good ones', { events: [GOOD, GOOD, { event_type: 'x' }] }, '/events/2/event_type'],
    ['null among good ones', { events: [GOOD, null] }, '/events/1'],
  ])('are refused, all or none: %s', async (_name, body, path) => {
    const error = await refusal(() => events.record(SANDBOX, body, null));
    expect(error.code).toBe('validation_failed');
    expect(error.errors.map((fault) => fault.path)).toEqual([path]);
    expect(store.events).toHaveLength(0);
  });

  it('may be nested as deep as the limit, and hold text that only looks like a lone surrogate', () => {
    expect(readEvents({ ...GOOD, data: nested(32) }, NOW, LIMITS)).toHaveLength(1);
    const data = { a: '\\ud800', b: '🚀', c: '\\\\ud83d', d: '\ud83d\ude80\\' };
    expect(JSON.parse(readEvents({ ...GOOD, data }, NOW, LIMITS)[0]?.data ?? '')).toEqual(data);
    for (const text of ['\\\ud800', '"\ud800', '\\\\\udfff'])
      expect(() => readEvents({ ...GOOD, data: { text } }, NOW, LIMITS)).toThrow(/Unicode/);
  });

  it('do not exhaust the stack', async () => {
    const error = await refusal(() => events.record(SANDBOX, { ...GOOD, data: nested(5000) }, null));
    expect(error.errors[0]?.message).toContain('limits.json_depth');
  });
});
