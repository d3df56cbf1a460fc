/**
 * Postal, the mail server.
 * Source: https://docs.postalserver.io/developer/webhooks.
 *
 * RSA (PKCS #1 v1.5) over the body: `X-Postal-Signature-256` with SHA-256; `X-Postal-Signature` with SHA-1 is what
 * versions before 3 send alone, and taken only where the receiver says so. The public keys are at `/.well-known/jwks.json`.
 * `timestamp`, when the request was queued, is in the signed body; retries end after 36 minutes, and a busy worker may
 * add hours. `uuid` is the same on retries. A bounce report is not classified, so its category stays `other`.
 */

import { decodeBase64 } from '../base64.ts';
import { signedBytes } from '../sign.ts';
import { readHeaders } from '../verify.ts';
import { defineProvider, jsonItems } from './define-provider.ts';
import {
  address,
  fields,
  id,
  isObject,
  list,
  messageIdHeader,
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
import {
  decodePem,
  firstRefusal,
  publicKey,
  RSA,
  signatureMatches,
  staleness,
  type Hash,
} from './signatures.ts';
import { smtpReply } from './smtp-reply.ts';

const MAX_AGE = 86_400;

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'MessageSent', ours: 'delivered' },
  { theirs: 'MessageDelayed', ours: 'deferred' },
  { theirs: 'MessageDeliveryFailed', ours: 'bounce' },
  { theirs: 'MessageHeld', ours: 'deferred', note: 'held until somebody releases it' },
  { theirs: 'MessageBounced', ours: 'bounce', note: 'a report that came later' },
  { theirs: 'MessageLoaded', ours: 'open' },
  { theirs: 'MessageLinkClicked', ours: 'click' },
  { theirs: 'DomainDNSError', ours: 'custom' },
  { theirs: 'SendLimitApproaching', ours: 'custom' },
  { theirs: 'SendLimitExceeded', ours: 'custom' },
  { theirs: 'incoming', ours: 'custom', note: 'a status of incoming mail (`direction` incoming)' },
];

export const postal = defineProvider({
  name: 'postal',
  title: 'Postal',
  documentation: 'https://docs.postalserver.io/developer/webhooks',
  authentication:
    'RSA signature of the body; `secret` is the public key (PEM, base64, JWK or JWKS). `options.sha1` = `allow` takes the signature of old versions',
  coverage: 'body',
  maxAge: MAX_AGE,
  mappings: MAPPINGS,
  verify,
  replayKey: (request) => id(bodyOf(request)['uuid']),
  open: jsonItems,
  drafts: (event) => {
    const payload = fields(event['payload']);
    const message = fields(payload['message'] ?? payload['original_message']);
    return [
      {
        type: [message['direction'] === 'incoming' ? 'incoming' : text(event['event'])],
        at: seconds(payload['timestamp']) ?? seconds(event['timestamp']),
        recipient: address(message['to']),
        messageId: id(message['id']),
        eventId: id(event['uuid']),
        messageIdHeader: messageIdHeader(message['message_id']),
        tags: tags(message['tag']),
        reason: text(payload['details']),
        reply: payload['output'] === undefined ? null : smtpReply(payload['output']),
        url: url(payload['url']),
        userAgent: text(payload['user_agent']),
        ip: text(payload['ip_address']),
      },
    ];
  },
});

function bodyOf(request: ProviderRequest): Fields {
  return fields(parseJson(utf8(request.rawBody)));
}

async function verify(
  request: ProviderRequest,
  { secret = '', options }: ProviderCredentials,
  { now }: ProviderEnv,
): Promise<Verification> {
  const [header, hash] = headerOf(request, options?.['sha1'] === 'allow');
  const headers = readHeaders(request.headers, [header]);
  const keyId = readHeaders(request.headers, ['x-postal-signature-kid']);
  if (keyId === 'duplicate_header') return refused(keyId);
  const key = await keyOf(secret, hash, typeof keyId === 'string' ? null : (keyId[0] as string));
  if (key === null) return refused('bad_secret');
  if (typeof headers === 'string') return refused(headers);
  const signature = decodeBase64(headers[0] as string);
  if (signature === null) return refused('malformed_header');
  if (!(await signatureMatches(key, RSA(hash), signature, signedBytes('', request.rawBody))))
    return refused('no_match');
  const time = seconds(bodyOf(request)['timestamp']);
  if (time === null) return refused('malformed_body');
  return firstRefusal(staleness(time, now, MAX_AGE)) ?? VERIFIED;
}

/** SHA-1 only when the receiver allows it and there is nothing better. */
function headerOf(request: ProviderRequest, sha1: boolean): [string, Hash] {
  const better = readHeaders(request.headers, ['x-postal-signature-256']);
  return sha1 && better === 'missing_header'
    ? ['x-postal-signature', 'SHA-1']
    : ['x-postal-signature-256', 'SHA-256'];
}

/** Of a key set, the key that the request names; a request that names another gets null. */
async function keyOf(secret: string, hash: Hash, keyId: string | null): Promise<CryptoKey | null> {
  if (!secret.trimStart().startsWith('{')) {
    const spki = decodePem(secret, 'PUBLIC KEY');
    return spki === null ? null : publicKey(spki, RSA(hash));
  }
  const given = parseJson(secret);
  const keys = isObject(given) && 'keys' in given ? list(given['keys']) : [given];
  const named = keys
    .map(fields)
    .find((key) => keyId === null || key['kid'] === undefined || key['kid'] === keyId);
  const { n, e } = named ?? {};
  return typeof n === 'string' && typeof e === 'string' ? publicKey({ n, e }, RSA(hash)) : null;
}
