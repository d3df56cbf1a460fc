/**
 * Unisender Go (UniOne).
 * Source: https://godocs.unisender.ru/web-api-ref#callback-format (in English https://docs.unione.io/en/web-api-ref).
 *
 * `auth` in the body is the MD5 of the body with the API key in the place of `auth`: the only scheme it has. MD5 over a
 * secret prefix can be extended by whoever has one request, but what is added begins with the padding byte 0x80, which
 * is no UTF-8 on its own and no JSON after the end; so a body must be both to verify. `GET` checks the URL. Times are UTC.
 * No event has an id, and none is about a time of sending.
 */

import type { BounceCategory } from '../events.ts';
import { equalBytes, fromHex } from '../verify.ts';
import { defineProvider, MALFORMED } from './define-provider.ts';
import {
  address,
  fields,
  id,
  isObject,
  isoTime,
  list,
  metadata,
  parseJson,
  tags,
  text,
  url,
  utf8,
  type Fields,
} from './json-fields.ts';
import { md5 } from './md5.ts';
import type { Draft } from './normalize.ts';
import { refused, VERIFIED, type Mapping, type ProviderRequest, type Verification } from './provider.ts';
import { smtpReply } from './smtp-reply.ts';

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'accepted', ours: 'accepted' },
  { theirs: 'sent', ours: 'accepted', note: 'sent on, no answer yet' },
  { theirs: 'delivered', ours: 'delivered' },
  { theirs: 'soft_bounced', ours: 'soft_bounce' },
  { theirs: 'soft_bounced/err_will_retry', ours: 'deferred', note: 'will be tried again' },
  { theirs: 'hard_bounced', ours: 'bounce' },
  { theirs: 'hard_bounced/err_unsubscribed', ours: 'dropped', note: 'unsubscribed before' },
  { theirs: 'hard_bounced/err_unreachable', ours: 'dropped', note: 'failed before: not sent' },
  { theirs: 'hard_bounced/err_skip_letter', ours: 'dropped', note: 'failed lately: not sent' },
  { theirs: 'hard_bounced/err_spam_skipped', ours: 'dropped', note: 'the sending was stopped as spam' },
  { theirs: 'opened', ours: 'open' },
  { theirs: 'clicked', ours: 'click' },
  { theirs: 'unsubscribed', ours: 'unsubscribe' },
  { theirs: 'subscribed', ours: 'custom' },
  { theirs: 'spam', ours: 'complaint' },
  { theirs: 'transactional_spam_block', ours: 'custom', note: 'about a domain, not a message' },
];

/** `delivery_status`. */
const STATUSES: ReadonlyMap<string, BounceCategory> = new Map([
  ['err_user_unknown', 'invalid_email'],
  ['err_user_inactive', 'suspended'],
  ['err_mailbox_discarded', 'suspended'],
  ['err_mailbox_full', 'mailbox_full'],
  ['err_spam_rejected', 'spam'],
  ['err_blacklisted', 'blocked'],
  ['err_too_large', 'message_too_large'],
  ['err_domain_inactive', 'domain_not_found'],
  ['err_no_dns', 'domain_not_found'],
  ['err_destination_misconfigured', 'network'],
  ['err_giveup', 'timeout'],
]);

export const unisenderGo = defineProvider({
  name: 'unisender_go',
  title: 'Unisender Go',
  documentation: 'https://godocs.unisender.ru/web-api-ref#callback-format',
  authentication:
    'MD5 of the body with the API key in the place of `auth`; `secret` is the API key of user or project',
  coverage: 'content',
  maxAge: null,
  mappings: MAPPINGS,
  verify: (request, { secret = '' }) => Promise.resolve(verify(request, secret)),
  isProbe: (request) => request.method === 'GET',
  open: (request) => {
    const body = parseJson(utf8(request.rawBody));
    if (!isObject(body) || !Array.isArray(body['events_by_user'])) return MALFORMED;
    return (body['events_by_user'] as unknown[]).flatMap((user) => list(fields(user)['events']));
  },
  drafts: (event) => {
    const data = fields(event['event_data']);
    const delivery = fields(data['delivery_info']);
    const status = text(delivery['delivery_status']);
    const reply = delivery['destination_response'];
    return [
      {
        type: typeOf(event, data, status),
        at: isoTime(data['event_time']) ?? isoTime(data['block_time']),
        recipient: address(data['email']),
        messageId: id(data['job_id']),
        tags: tags(data['tags']),
        metadata: metadata(data['metadata']),
        reason: status,
        reply: reply === undefined ? null : smtpReply(reply),
        category: STATUSES.get(status ?? '') ?? null,
        url: url(data['url']),
        userAgent: text(delivery['user_agent']),
        ip: text(delivery['ip']),
      },
    ];
  },
});

function typeOf(event: Fields, data: Fields, status: string | null): Draft['type'] {
  const name = text(event['event_name']);
  return name === 'transactional_email_status' ? [text(data['status']), status] : [name];
}

function verify(request: ProviderRequest, secret: string): Verification {
  if (secret === '') return refused('bad_secret');
  const body = utf8(request.rawBody);
  const auth = fields(parseJson(body))['auth'];
  if (body === null || typeof auth !== 'string' || !/^[0-9a-f]{32}$/.test(auth))
    return refused('malformed_body');
  const parts = body.split(auth, 3);
  // Twice, and it would be open which of them was the key.
  if (parts.length !== 2) return refused('malformed_body');
  const expected = md5(new TextEncoder().encode(parts.join(secret)));
  return equalBytes(fromHex(expected), fromHex(auth)) ? VERIFIED : refused('no_match');
}
