/**
 * Scaleway Transactional Email, through Topics and Events (an SNS of Scaleway's).
 * Sources: https://www.scaleway.com/en/docs/transactional-email/reference-content/webhook-events-payloads/,
 * https://www.scaleway.com/en/docs/topics-and-events/reference-content/verifying-webhooks/.
 *
 * The signing certificate must be issued by Scaleway's authority, whose certificates are public at a fixed address per
 * region. Left open there: the host that subscriptions are confirmed at; it is the regional SNS endpoint
 * (https://www.scaleway.com/en/docs/topics-and-events/api-cli/connect-aws-cli/), or the host of the certificates.
 */

import { isIssuedBy, isValidAt, readCertificates } from './certificate.ts';
import { defineProvider } from './define-provider.ts';
import { address, fields, id, isoTime, list, messageIdHeader, text, type Fields } from './json-fields.ts';
import type { Mapping } from './provider.ts';
import { smtpReply } from './smtp-reply.ts';
import { fetchPem, openSns, snsReplayKey, verifySns, type SnsRules } from './sns.ts';

const REGION = '(?:fr-par|nl-ams|pl-waw|it-mil)';
const BUCKET = new RegExp(`^messaging\\.s3\\.${REGION}\\.scw\\.cloud$`);

const RULES: SnsRules = {
  maxAge: 3_600,
  certificateHost: BUCKET,
  certificatePath: /^(?:\/[A-Za-z0-9_-]+)*\/[A-Za-z0-9_.-]+\.(?:pem|crt)$/,
  subscribeHost: new RegExp(
    `^(?:sns\\.mnq\\.${REGION}\\.scaleway\\.com|messaging\\.s3\\.${REGION}\\.scw\\.cloud)$`,
  ),
  trusts: async (certificate, { secret = '', options }, env) => {
    if (!isValidAt(certificate, env.now)) return false;
    const region = new RegExp(`^arn:scw:sns:(${REGION}):`).exec(secret)?.[1] ?? 'fr-par';
    const pem = options?.['trust_chain'];
    const chain =
      pem === undefined
        ? await fetchPem(`https://messaging.s3.fr-par.scw.cloud/${region}/sns/sns-trust-chain.pem`, env)
        : readCertificates(pem);
    for (const authority of chain ?? [])
      if (isValidAt(authority, env.now) && (await isIssuedBy(certificate, authority))) return true;
    return false;
  },
};

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'email_queued', ours: 'accepted' },
  { theirs: 'email_delivered', ours: 'delivered' },
  { theirs: 'email_deferred', ours: 'deferred' },
  { theirs: 'email_dropped', ours: 'bounce', note: 'refused for good by the recipient server' },
  { theirs: 'email_mailbox_not_found', ours: 'bounce', category: 'invalid_email' },
  {
    theirs: 'email_spam',
    ours: 'bounce',
    category: 'spam',
    note: 'called spam by Scaleway or a filter; the page also says "by the recipient", but does not tell which',
  },
  { theirs: 'email_blocklisted', ours: 'dropped', note: 'blocked by a blocklist of the domain' },
  { theirs: 'blocklist_created', ours: 'custom' },
  { theirs: 'unknown_type', ours: 'custom' },
];

export const scaleway = defineProvider({
  name: 'scaleway',
  title: 'Scaleway Transactional Email',
  documentation:
    'https://www.scaleway.com/en/docs/transactional-email/reference-content/webhook-events-payloads/',
  authentication:
    'RSA signature of the SNS envelope by a certificate of Scaleway’s authority; `secret` is the ARN of the topic, `options.trust_chain` the PEM of the authority, fetched when absent',
  coverage: 'content',
  maxAge: RULES.maxAge,
  mappings: MAPPINGS,
  verify: (request, credentials, env) => verifySns(request, credentials, env, RULES),
  replayKey: snsReplayKey,
  open: (request) => {
    const opened = openSns(request, RULES);
    return 'kind' in opened ? opened : [opened];
  },
  drafts: (item) => {
    const event = fields(item['message']);
    const reply = event['email_response_message'] ?? event['email_error'];
    return [
      {
        type: [text(event['type'])],
        at: isoTime(event['created_at']),
        recipient: address(event['email_to']),
        messageId: id(event['email_id']),
        eventId: id(event['id']) ?? id(item['messageId']),
        messageIdHeader: headerOf(event, 'message-id'),
        reason: text(event['blocklist_reason']) ?? text(event['blocklist_type']),
        reply: reply === undefined ? null : smtpReply(reply, event['email_response_code']),
        payload: item['message'] ?? item['text'],
      },
    ];
  },
});

function headerOf(event: Fields, name: string): string | null {
  const found = list(event['email_headers'])
    .map(fields)
    .find(({ key }) => text(key)?.toLowerCase() === name);
  return messageIdHeader(found?.['value']);
}
