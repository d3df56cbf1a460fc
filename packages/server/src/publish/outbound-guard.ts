/** The guard of outgoing calls, from the settings of `[publish]`. */

import { ConfigError } from '../base/config.ts';
import { AddressRules } from './address.ts';
import { parseEgressProxy, type EgressProxy } from './egress-proxy.ts';
import { Guard } from './guard.ts';

export interface OutboundSettings {
  plain_http: 'loopback' | 'never';
  allow_networks: readonly string[];
  egress_proxy: string;
}

/** Throws `ConfigError` when the proxy cannot be one. */
export function outboundGuard(settings: OutboundSettings): Guard {
  return new Guard({
    addresses: new AddressRules({
      loopback: settings.plain_http === 'loopback',
      allow: settings.allow_networks,
    }),
    proxy: egressProxy(settings.egress_proxy),
  });
}

function egressProxy(setting: string): EgressProxy | null {
  if (setting === '') return null;
  const proxy = parseEgressProxy(setting);
  if (proxy === null)
    throw new ConfigError(['publish.egress_proxy is no proxy: its port or its percent-encoding is wrong']);
  return proxy;
}
