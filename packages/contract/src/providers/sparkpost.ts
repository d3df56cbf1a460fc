/**
 * SparkPost's event webhooks (Bird).
 * Sources: https://support.sparkpost.com/docs/tech-resources/webhook-event-reference,
 * https://developers.sparkpost.com/api/webhooks/,
 * https://support.sparkpost.com/docs/deliverability/bounce-classification-codes.
 *
 * Not signed: basic authentication, or a token by OAuth 2 (`Authorization: Bearer`) or in `X-MessageSystems-Webhook-Token`.
 * `{"msys":{}}` is a ping. Left open: whether a retried batch is cut as before; `event_id` tells duplicates either way.
 */

import type { BounceCategory } from '../events.ts';
import { readHeaders } from '../verify.ts';
import { verifyAuthorization } from './authorization.ts';
import { defineProvider, itemsOf } from './define-provider.ts';
import {
  address,
  fields,
  id,
  metadata,
  parseJson,
  seconds,
  tags,
  text,
  url,
  utf8,
  type Fields,
} from './json-fields.ts';
import type { Draft } from './normalize.ts';
import type { Mapping } from './provider.ts';
import { smtpReply } from './smtp-reply.ts';

/** Bounce class, what it is to us, and the category; the names are SparkPost's. */
const CLASSES: readonly (readonly [string, Mapping['ours'], BounceCategory | null, string])[] = [
  ['1', 'soft_bounce', 'other', 'Undetermined'],
  ['10', 'bounce', 'invalid_email', 'Invalid Recipient'],
  ['20', 'soft_bounce', 'other', 'Soft Bounce'],
  ['21', 'soft_bounce', 'domain_not_found', 'DNS Failure'],
  ['22', 'soft_bounce', 'mailbox_full', 'Mailbox Full'],
  ['23', 'soft_bounce', 'message_too_large', 'Too Large'],
  ['24', 'soft_bounce', 'timeout', 'Timeout'],
  ['25', 'dropped', null, 'Admin Failure: not sent'],
  ['26', 'dropped', null, 'Smart Send Suppression: not sent'],
  ['30', 'bounce', 'invalid_email', 'Generic Bounce: No RCPT'],
  ['40', 'soft_bounce', 'other', 'Generic Bounce'],
  ['50', 'soft_bounce', 'blocked', 'Mail Block'],
  ['51', 'soft_bounce', 'spam', 'Spam Block'],
  ['52', 'soft_bounce', 'spam', 'Spam Content'],
  ['53', 'soft_bounce', 'content', 'Prohibited Attachment'],
  ['54', 'soft_bounce', 'relay_denied', 'Relaying Denied'],
  ['60', 'custom', null, 'Auto-Reply: no failure'],
  ['70', 'soft_bounce', 'other', 'Transient Failure'],
  ['80', 'custom', null, 'Subscribe'],
  ['90', 'unsubscribe', null, 'Unsubscribe'],
  ['100', 'custom', null, 'Challenge-Response'],
];

const bounces = (theirs: string): Mapping[] => [
  { theirs, ours: 'soft_bounce', note: 'a class that is not documented' },
  ...CLASSES.map(([code, ours, category, note]) => ({
    theirs: `${theirs}/${code}`,
    ours,
    note,
    ...(category === null ? {} : { category }),
  })),
];

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'injection', ours: 'accepted' },
  { theirs: 'delivery', ours: 'delivered' },
  { theirs: 'delay', ours: 'deferred' },
  ...bounces('bounce'),
  ...bounces('out_of_band'),
  { theirs: 'policy_rejection', ours: 'dropped' },
  { theirs: 'generation_failure', ours: 'dropped' },
  { theirs: 'generation_rejection', ours: 'dropped' },
  { theirs: 'spam_complaint', ours: 'complaint' },
  { theirs: 'list_unsubscribe', ours: 'unsubscribe' },
  { theirs: 'link_unsubscribe', ours: 'unsubscribe' },
  { theirs: 'open', ours: 'open', note: 'the pixel at the bottom' },
  { theirs: 'initial_open', ours: 'open', note: 'the pixel at the top' },
  { theirs: 'amp_open', ours: 'open' },
  { theirs: 'amp_initial_open', ours: 'open' },
  { theirs: 'click', ours: 'click' },
  { theirs: 'amp_click', ours: 'click' },
  ...['relay_injection', 'relay_rejection', 'relay_delivery', 'relay_tempfail', 'relay_permfail'].map(
    (theirs): Mapping => ({ theirs, ours: 'custom', note: 'inbound relay' }),
  ),
  ...['ab_test_completed', 'ab_test_cancelled', 'success', 'error'].map((theirs): Mapping => ({
    theirs,
    ours: 'custom',
  })),
];

export const sparkpost = defineProvider({
  name: 'sparkpost',
  title: 'SparkPost',
  documentation: 'https://support.sparkpost.com/docs/tech-resources/webhook-event-reference',
  authentication: 'basic authentication: `username` and `password`; or the token in `secret`',
  coverage: 'nothing',
  maxAge: null,
  mappings: MAPPINGS,
  verify: (request, credentials) =>
    Promise.resolve(verifyAuthorization(request, credentials, 'x-messagesystems-webhook-token')),
  replayKey: (request) => {
    const found = readHeaders(request.headers, ['x-messagesystems-batch-id']);
    return typeof found === 'string' ? null : id(found[0]);
  },
  open: (request) => {
    const items = itemsOf(parseJson(utf8(request.rawBody)));
    return 'kind' in items ? items : items.filter((item) => !isPing(fields(item)));
  },
  drafts: (item) => {
    const event = fields(Object.values(fields(item['msys']))[0]);
    const reason = event['raw_reason'] ?? event['reason'];
    return [
      {
        type: typeOf(event),
        at: seconds(event['timestamp']),
        recipient: address(event['raw_rcpt_to']) ?? address(event['rcpt_to']),
        messageId: id(event['transmission_id']) ?? id(event['message_id']),
        eventId: id(event['event_id']),
        tags: [...tags(event['campaign_id']), ...tags(event['rcpt_tags'])],
        metadata: metadata(event['rcpt_meta']),
        reason: text(event['reason']) ?? text(event['fbtype']),
        reply: reason === undefined ? null : smtpReply(reason, event['error_code']),
        url: url(event['target_link_url']),
        userAgent: text(event['user_agent']),
        ip: text(event['ip_address']),
        machine: typeof event['is_prefetched'] === 'boolean' ? event['is_prefetched'] : null,
      },
    ];
  },
});

function isPing(item: Fields): boolean {
  const msys = item['msys'];
  return typeof msys === 'object' && msys !== null && Object.keys(msys).length === 0;
}

function typeOf(event: Fields): Draft['type'] {
  const type = text(event['type']);
  const bounce = type === 'bounce' || type === 'out_of_band';
  return [type, bounce ? text(event['bounce_class']) : null];
}
