/**
 * Mailjet's Event API, version 1 (one event) and 2 (those of a second in an array).
 * Source: https://dev.mailjet.com/email/guides/webhooks/.
 *
 * Not signed: a user and password in the URL. No event has an id. `MessageID` has more digits than a number holds.
 * `Payload` and `CustomID` are the sender's; both go to the metadata.
 */

import { verifyAuthorization } from './authorization.ts';
import type { BounceCategory } from '../events.ts';
import { defineProvider, jsonItems } from './define-provider.ts';
import {
  address,
  id,
  metadata,
  MAX_JSON,
  parseJson,
  seconds,
  tags,
  text,
  url,
  type Fields,
} from './json-fields.ts';
import type { Draft } from './normalize.ts';
import type { Mapping } from './provider.ts';
import { smtpReply } from './smtp-reply.ts';

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'sent', ours: 'delivered', note: 'taken by the recipient server' },
  { theirs: 'bounce', ours: 'soft_bounce', note: '`hard_bounce` false' },
  { theirs: 'bounce/hard', ours: 'bounce', note: '`hard_bounce` true' },
  { theirs: 'bounce/greylisted', ours: 'deferred', note: 'not hard: Mailjet retries' },
  { theirs: 'blocked', ours: 'dropped' },
  { theirs: 'spam', ours: 'complaint' },
  { theirs: 'unsub', ours: 'unsubscribe' },
  { theirs: 'open', ours: 'open' },
  { theirs: 'click', ours: 'click' },
];

/** `error`; the page lists them all. `preblocked` and `duplicate in campaign` are only of `blocked`. */
const ERRORS: ReadonlyMap<string, BounceCategory> = new Map([
  ['user unknown', 'invalid_email'],
  ['mailbox inactive', 'suspended'],
  ['quota exceeded', 'mailbox_full'],
  ['invalid domain', 'domain_not_found'],
  ['no mail host', 'domain_not_found'],
  ['relay/access denied', 'relay_denied'],
  ['sender blocked', 'blocked'],
  ['content blocked', 'content'],
  ['policy issue', 'policy'],
  ['system issue', 'other'],
  ['protocol issue', 'network'],
  ['connection issue', 'network'],
  ['greylisted', 'rate_limited'],
]);

export const mailjet = defineProvider({
  name: 'mailjet',
  title: 'Mailjet',
  documentation: 'https://dev.mailjet.com/email/guides/webhooks/',
  authentication: 'basic authentication: `username` and `password`',
  coverage: 'nothing',
  maxAge: null,
  mappings: MAPPINGS,
  verify: (request, { username, password }) =>
    Promise.resolve(verifyAuthorization(request, { username, password })),
  open: jsonItems,
  drafts: (event) => {
    const reply = event['smtp_reply'] ?? event['comment'];
    const error = text(event['error']);
    return [
      {
        type: typeOf(event, error),
        at: seconds(event['time']),
        recipient: address(event['email']),
        messageId: id(event['MessageID']) ?? id(event['mj_message_id']),
        tags: tags(event['customcampaign']),
        metadata: { ...metadata(parseJson(text(event['Payload'], MAX_JSON))), ...customId(event) },
        reason: error ?? text(event['source']),
        reply: reply === undefined ? null : smtpReply(reply),
        category: ERRORS.get(error ?? '') ?? null,
        url: url(event['url']),
        userAgent: text(event['agent']),
        ip: text(event['ip']),
      },
    ];
  },
});

function typeOf(event: Fields, error: string | null): Draft['type'] {
  const type = text(event['event']);
  if (type !== 'bounce') return [type];
  return [type, event['hard_bounce'] === true ? 'hard' : error === 'greylisted' ? error : null];
}

function customId(event: Fields): Record<string, string> {
  const custom = text(event['CustomID']);
  return custom === null ? {} : { CustomID: custom };
}
