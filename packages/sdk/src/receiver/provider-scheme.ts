/** Another provider's webhooks, as `contract` knows them: `scheme: providerScheme(sendgrid, {secret})`. */

import type { EventType } from '@postrider/contract/events';
import type {
  NormalizedEvent,
  Provider,
  ProviderCredentials,
  ProviderEnv,
  Refusal,
} from '@postrider/contract/providers/provider';
import type { ReceivedEvent } from './event.ts';
import { digest, unusable, type Scheme, type SchemeReading, type SchemeVerification } from './scheme.ts';

const FAULTS: Readonly<Partial<Record<Refusal, 'settings' | 'later'>>> = {
  bad_secret: 'settings',
  no_certificate: 'later',
};

export function providerScheme(
  provider: Provider,
  credentials: ProviderCredentials,
  { fetchText }: Pick<ProviderEnv, 'fetchText'> = {},
): Scheme {
  return {
    isProbe: (request) => provider.isProbe?.(request) ?? false,
    async verify(request, { now }): Promise<SchemeVerification> {
      const verified = await provider.verify(request, credentials, { now, fetchText });
      if (verified.ok) return { ok: true, id: null };
      const fault = FAULTS[verified.reason];
      return { ok: false, reason: verified.reason, ...(fault && { fault }) };
    },
    async read(request, _id, now): Promise<SchemeReading> {
      const reading = provider.read(request);
      if (reading.kind === 'unusable') return unusable(reading.reason);
      if (reading.kind === 'confirm') return { events: [], unusable: [], confirm: reading.url };
      const events = await Promise.all(reading.events.map((event) => received(event, now)));
      const key = provider.replayKey?.(request) ?? null;
      return { events, unusable: [], ...(key !== null && { guard: `${provider.name}:${key}` }) };
    },
  };
}

async function received(event: NormalizedEvent, now: number): Promise<ReceivedEvent> {
  const { event_type, recipient, tags, metadata, provider_message_id, data } = event;
  const id = event.provider_event_id ?? (await digest(new TextEncoder().encode(JSON.stringify(event))));
  return {
    event_id: `${data.provider}:${id}`,
    event_type: event_type as EventType,
    timestamp: new Date(event.at ?? now).toISOString(),
    message_id: provider_message_id,
    recipient,
    data: { ...data },
    environment: 'live',
    tags,
    metadata,
    campaign_id: null,
    state: null,
    seq: null,
  };
}
