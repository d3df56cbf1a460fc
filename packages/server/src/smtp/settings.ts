/** What the SMTP door is told. The first group has the names of the `[smtp]` section of the settings. */

import { hostname } from 'node:os';

export interface SmtpSettings {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** Name said in the greeting and in EHLO, and subject of a generated certificate. Empty = the machine's own. */
  name: string;
  /** PEM files; both empty = none configured. */
  cert_file: string;
  key_file: string;
  /** `loopback`: a listener on loopback takes AUTH without TLS. `never`: 538 for everybody. */
  plain_auth: 'loopback' | 'never';
  max_connections: number;
  max_connections_per_address: number;
  /** Failed authentications on one connection; the last of them is answered 421. */
  max_auth_failures: number;
  /** Faults with no message in between; the one after them is answered 421. */
  max_bad_commands: number;
  /** For a whole command line to come, and between two chunks of DATA (RFC 5321 section 4.5.3.2). */
  idle_timeout_ms: number;
  /** For the whole of DATA: bounds a client that drips. */
  data_timeout_ms: number;

  /** From `[limits]`: per transaction; RFC 5321 section 4.5.3.1.8 wants at least 100. */
  recipients: number;
  /** From `[limits]`: octets of a message after dot-unstuffing (RFC 1870). */
  message_bytes: number;
  profile: 'development' | 'production';
  /** Folder for the generated certificate. */
  data_dir: string;
}

/** What seldom needs another value. */
export interface SmtpTuning {
  /** Octets of all messages that are coming in or wait for the store, together; more is answered 452 4.3.1. */
  pending_bytes: number;
  /** Commands other than RCPT with no message in between; the one after them is answered 421. */
  max_idle_commands: number;
  tls_handshake_timeout_ms: number;
  /** How long a closed side waits for the other to close too. */
  linger_timeout_ms: number;
  /** How long running transactions may finish after `close()`. */
  shutdown_grace_ms: number;
}

export const SMTP_TUNING: SmtpTuning = {
  pending_bytes: 134_217_728,
  max_idle_commands: 100,
  tls_handshake_timeout_ms: 30_000,
  linger_timeout_ms: 5000,
  shutdown_grace_ms: 5000,
};

/** The name a server gives itself: the configured one, else the machine's where that can stand in a reply. */
export function ownName(settings: Pick<SmtpSettings, 'name'>): string {
  if (settings.name !== '') return settings.name;
  const machine = hostname();
  return /^[A-Za-z0-9.-]{1,253}$/.test(machine) ? machine : 'localhost';
}
