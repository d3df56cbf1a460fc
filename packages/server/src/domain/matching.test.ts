import { describe, expect, it } from 'vitest';
import type { EndpointSettings } from './endpoint.ts';
import { SubscriptionIndex } from './subscription-index.ts';
import { endpointRule, matching, type EndpointRule } from './matching.ts';

function rule(lane: number, settings: Partial<EndpointSettings> = {}): EndpointRule {
  return endpointRule(lane, `end_${lane}`, {
    url: 'https://example.com/',
    description: '',
    event_types: [],
    filter: null,
    dialect: 'postrider',
    headers: {},
    retry_schedule: [],
    timeout_ms: 1000,
    max_in_flight: 1,
    rate_limit: null,
    ordering: 'none',
    batch: null,
    ...settings,
  });
}
const lanes = (rules: readonly EndpointRule[]): number[] => rules.map(({ lane }) => lane);

describe('matching', () => {
  const envelope = '{"event_type":"bounce","data":{"smtp_code":550}}';

  it('keeps those whose filter the event passes, in their order', () => {
    const rules = [
      rule(1),
      rule(2, { filter: { 'data.smtp_code': 550 } }),
      rule(3, { filter: { 'data.smtp_code': 551 } }),
      rule(4, { filter: {} }),
    ];
    expect(lanes(matching(rules, envelope))).toEqual([1, 2, 4]);
    expect(matching([], envelope)).toEqual([]);
  });

  it('does not parse the envelope when nobody has a filter', () => {
    expect(lanes(matching([rule(1), rule(2)], 'not JSON'))).toEqual([1, 2]);
    expect(() => matching([rule(1), rule(2, { filter: {} })], 'not JSON')).toThrow(SyntaxError);
  });

  it('lets everything pass a stored filter that no longer compiles', () => {
    expect(lanes(matching([rule(1, { filter: { $gone: 1 } })], envelope))).toEqual([1]);
  });
});

describe('SubscriptionIndex', () => {
  it('has those that want a type and whose dialect can tell it', () => {
    const index = new SubscriptionIndex([
      rule(1),
      rule(2, { dialect: 'sendarix' }),
      rule(3, { dialect: 'sendarix', event_types: ['dropped', 'custom.*', 'endpoint.*'] }),
      rule(4, { dialect: 'sentinmail' }),
      rule(5, { dialect: 'sendook', event_types: ['*'] }),
      rule(6, { dialect: 'cloudevents', event_types: ['*'] }),
      rule(7, { event_types: ['open'] }),
    ]);
    const expected = {
      delivered: [1, 2, 4, 5, 6],
      deferred: [1, 2, 6],
      dropped: [1, 3, 5, 6],
      received: [1, 5, 6],
      open: [1, 2, 4, 6, 7],
      'inbox.created': [5, 6],
      'custom.a': [3, 6],
      'endpoint.disabled': [3, 6],
    };
    for (const [type, wanting] of Object.entries(expected))
      expect([type, lanes(index.wanting(type))]).toEqual([type, wanting]);
  });
});
