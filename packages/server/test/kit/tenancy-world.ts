/** Two projects with both environments of each, every one with something of every kind, and words that name it. */

import type { EventsAccepted } from '@postrider/contract/schemas/event';
import type { Api } from './api.ts';
import type { Operation } from './openapi.ts';
import type { Receiver } from './receiver.ts';
import type { TestServer } from './test-server.ts';
import { waitFor } from './wait.ts';

export interface Tenant {
  name: string;
  environment: 'live' | 'sandbox';
  api: Api;
  /** A word that is in everything that this environment stores. */
  marker: string;
  /** What names something of this environment, by kind; null where it has none. */
  ids: Record<string, string[]>;
  /** By the prefix of the id. */
  idOf(prefix: string): string | null;
  /** Everything that nobody else may ever see. */
  secrets: string[];
}

export async function createTenants(server: TestServer, receiver: Receiver): Promise<Tenant[]> {
  const tenants: Tenant[] = [];
  for (const name of ['a', 'b']) {
    const { project_id, live, sandbox } = await server.project();
    tenants.push(await createTenant(name, 'live', project_id, live, receiver));
    tenants.push(await createTenant(name, 'sandbox', project_id, sandbox, receiver));
  }
  return tenants;
}

async function createTenant(
  name: string,
  environment: 'live' | 'sandbox',
  project_id: string,
  api: Api,
  receiver: Receiver,
): Promise<Tenant> {
  const marker = `marker-${name}-${environment}`;
  const failing = await api.createEndpoint({
    url: receiver.hook({ status: 500 }).url,
    description: marker,
    event_types: ['custom.*'],
    retry_schedule: [],
  });
  const held = await api.createEndpoint({
    url: receiver.hook().url,
    description: marker,
    event_types: ['*'],
  });
  await api.post(`/v1/endpoints/${held.endpoint_id}/disable`);
  const messages = environment === 'live' ? [] : [await scheduled(api, marker)];
  const { data } = await api.post<EventsAccepted>('/v1/events', {
    event_type: 'custom.mark',
    data: { marker },
    tags: [marker],
    campaign_id: marker,
    metadata: { marker },
  });
  const address = `${marker}@example.com`;
  await api.post('/v1/suppressions', { address });
  const key = await api.createKey(marker, ['read']);
  await waitFor('the dead letter', async () => (await api.deliveries('?status=failed')).length > 0);
  const { replay_id } = await api.post<{ replay_id: string }>('/v1/replays', {
    endpoint_id: failing.endpoint_id,
    campaign_id: `${marker}-none`,
  });
  await waitFor('the end of the replay', async () => {
    const { status } = await api.get<{ status: string }>(`/v1/replays/${replay_id}`);
    return status === 'completed';
  });
  const deliveries = (await api.deliveries()).map((one) => one.delivery_id);
  const ids: Record<string, string[]> = {
    message: messages,
    event: data.map((one) => one.event_id),
    endpoint: [failing.endpoint_id, held.endpoint_id],
    delivery: deliveries,
    replay: [replay_id],
    suppression: [address],
    api_key: [key.key_id],
    project: [project_id],
  };
  const everyEvent = (await api.events()).map((event) => event.event_id);
  return {
    name: `${name}.${environment}`,
    environment,
    api,
    marker,
    ids,
    idOf: (prefix) =>
      Object.values(ids)
        .flat()
        .find((id) => id.startsWith(`${prefix}_`)) ?? null,
    secrets: [...Object.values(ids).flat(), ...everyEvent, marker, key.key, failing.secret, held.secret],
  };
}

async function scheduled(api: Api, marker: string): Promise<string> {
  const { message_id } = await api.send({
    subject: marker,
    to: `${marker}@sandbox.test`,
    tags: [marker],
    campaign_id: marker,
    metadata: { marker },
    send_at: new Date(Date.now() + 7 * 86_400_000).toISOString(),
  });
  return message_id;
}

/** Resolves when nothing of what the environment did itself is still under way. */
async function settled({ api, environment, name }: Tenant): Promise<void> {
  if (environment === 'sandbox') await api.advance(0);
  await waitFor(`rest in ${name}`, async () => (await api.deliveries('?status=pending')).length === 0);
}

/** Everything that the API shows of an environment, route by route, without what changes by itself. */
export async function snapshot(
  tenant: Tenant,
  routes: readonly Operation[],
): Promise<Record<string, string>> {
  await settled(tenant);
  const shown: Record<string, string> = {};
  for (const route of routes) {
    if (route.method !== 'GET' || route.stream || route.access === 'public' || route.access === 'admin')
      continue;
    if (route.sandboxOnly && tenant.environment === 'live') continue;
    for (const path of pathsFor(route, tenant)) {
      const { status, text } = await tenant.api.call('GET', path);
      shown[path] = `${status} ${text.replace(/"(now|oldest_pending_seconds)":("[^"]*"|[\d.]+)/g, '"$1":0')}`;
    }
  }
  return shown;
}

/** The paths by which a route can be called about `tenant`; none when it has nothing of that kind. */
export function pathsFor(route: Operation, tenant: Tenant): string[] {
  let paths = [route.path];
  for (const [name, kind] of Object.entries(route.kinds)) {
    const ids = tenant.ids[kind];
    if (ids === undefined)
      throw new Error(`${route.path} names a ${kind}; give the tenants of this test one`);
    paths = paths.flatMap((path) => ids.map((id) => path.replace(`{${name}}`, encodeURIComponent(id))));
  }
  return paths;
}
