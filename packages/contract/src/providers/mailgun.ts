/**
 * Mailgun's webhooks.
 * Sources: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads,
 * https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks,
 * https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-types.
 *
 * The signature covers a timestamp and a token, not the event: whoever has seen one request can put another event
 * beside its token. So a token is good for one request (`replayKey`), as the page on securing says. Left open: whether a
 * retry has a new timestamp. Retries last 8 hours, so that is the age allowed.
 */

import type { BounceCategory } from '../events.ts';
import { defineProvider } from './define-provider.ts';
import {
  address,
  fields,
  id,
  integer,
  isObject,
  messageIdHeader,
  metadata,
  parseJson,
  seconds,
  tags,
  text,
  url,
  utf8,
  type Fields,
} from './json-fields.ts';
import {
  refused,
  VERIFIED,
  type Mapping,
  type ProviderCredentials,
  type ProviderEnv,
  type ProviderRequest,
  type Verification,
} from './provider.ts';
import { firstRefusal, hexMacMatches, secretBytes, staleness } from './signatures.ts';
import { smtpReply } from './smtp-reply.ts';

const MAX_AGE = 28_800;

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'accepted', ours: 'accepted' },
  { theirs: 'delivered', ours: 'delivered' },
  { theirs: 'failed/temporary', ours: 'deferred' },
  { theirs: 'failed/permanent', ours: 'bounce' },
  { theirs: 'failed/permanent/soft', ours: 'soft_bounce', note: '`bounce-type` soft' },
  { theirs: 'failed/permanent/old', ours: 'soft_bounce', note: '`reason` old: the retries ran out' },
  { theirs: 'failed/permanent/suppressed', ours: 'dropped', note: '`reason` suppress-…: not sent' },
  { theirs: 'rejected', ours: 'dropped' },
  { theirs: 'opened', ours: 'open', note: 'machine: `client-info.bot`' },
  { theirs: 'clicked', ours: 'click', note: 'machine: `client-info.bot`' },
  { theirs: 'unsubscribed', ours: 'unsubscribe' },
  { theirs: 'complained', ours: 'complaint' },
  { theirs: 'stored', ours: 'custom', note: 'an incoming message was stored' },
  { theirs: 'list_member_uploaded', ours: 'custom' },
  { theirs: 'list_member_upload_error', ours: 'custom' },
  { theirs: 'list_uploaded', ours: 'custom' },
];

const REASONS: ReadonlyMap<string, BounceCategory> = new Map([
  ['espblock', 'blocked'],
  ['old', 'timeout'],
]);

export const mailgun = defineProvider({
  name: 'mailgun',
  title: 'Mailgun',
  documentation: 'https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads',
  authentication:
    'HMAC-SHA256 over timestamp and token, in the body; `secret` is the HTTP webhook signing key',
  coverage: 'token',
  maxAge: MAX_AGE,
  mappings: MAPPINGS,
  verify,
  replayKey: (request) => id(signatureOf(request)['token']),
  open: (request) => {
    const body = parseJson(utf8(request.rawBody));
    return isObject(body) ? [body['event-data']] : { kind: 'unusable', reason: 'malformed_body' };
  },
  drafts: (event) => {
    const headers = fields(fields(event['message'])['headers']);
    const client = fields(event['client-info']);
    const status = fields(event['delivery-status']);
    const reject = fields(event['reject']);
    return [
      {
        type: typeOf(event, status),
        at: seconds(event['timestamp']),
        recipient: address(event['recipient']) ?? address(headers['to']),
        messageId: id(headers['message-id']),
        eventId: id(event['id']),
        messageIdHeader: messageIdHeader(headers['message-id']),
        tags: tags(event['tags']),
        metadata: metadata(event['user-variables']),
        reason: text(event['reason']) ?? text(reject['reason']) ?? text(status['description']),
        reply: replyOf(status),
        category: REASONS.get(text(event['reason']) ?? '') ?? null,
        url: url(event['url']),
        userAgent: text(client['user-agent']),
        ip: text(event['ip']),
        machine: client['bot'] === undefined ? null : text(client['bot']) !== null,
      },
    ];
  },
});

function typeOf(event: Fields, status: Fields): (string | null)[] {
  const type = text(event['event']);
  if (type !== 'failed') return [type];
  const reason = text(event['reason']) ?? '';
  const refinement = reason.startsWith('suppress-')
    ? 'suppressed'
    : reason === 'old'
      ? 'old'
      : text(status['bounce-type']);
  return [type, text(event['severity']), refinement];
}

/** Codes from 600 are Mailgun's own, for what it did not send. */
function replyOf(status: Fields): ReturnType<typeof smtpReply> | null {
  const message = text(status['message']) ?? text(status['description']);
  const code = integer(status['code']);
  return message === null && code === null ? null : smtpReply(message, code, status['enhanced-code']);
}

function signatureOf(request: ProviderRequest): Fields {
  return fields(fields(parseJson(utf8(request.rawBody)))['signature']);
}

async function verify(
  request: ProviderRequest,
  { secret }: ProviderCredentials,
  { now }: ProviderEnv,
): Promise<Verification> {
  const key = secretBytes(secret);
  if (key === null) return refused('bad_secret');
  const { timestamp, token, ...signatures } = signatureOf(request);
  const stamp = text(timestamp) ?? '';
  if (!/^[0-9]{1,12}$/.test(stamp) || typeof token !== 'string' || !/^[0-9A-Za-z_-]{16,100}$/.test(token))
    return refused('malformed_body');
  const stale = firstRefusal(staleness(Number(stamp) * 1000, now, MAX_AGE));
  if (stale !== null) return stale;
  const message = new TextEncoder().encode(stamp + token);
  // For a subaccount, the second is made with the key of the account above it.
  for (const name of ['signature', 'parent-signature']) {
    const signature = text(signatures[name]);
    if (signature !== null && (await hexMacMatches(key, message, signature))) return VERIFIED;
  }
  return refused('no_match');
}
