/** What a session needs of the rest of the product, and what it knows of its connection. */

import type { Logger } from '../base/logger.ts';
import type { Caller, Environment } from '../domain/tenancy.ts';
import type { SmtpMetrics } from './metrics.ts';
import type { PendingBytes } from './pending-bytes.ts';
import type { SmtpSettings, SmtpTuning } from './settings.ts';

/** One transaction: its envelope and the exact octets of its content after dot-unstuffing. */
export interface SmtpMail {
  /** Empty for the null reverse-path. */
  mail_from: string;
  recipients: string[];
  raw: Buffer;
  smtputf8: boolean;
  client: { helo: string; address: string; protocol: string };
}

export interface SmtpSubmissions {
  /** Resolves once the message is on disk. Rejects with a `PostriderError`. */
  submitMime(environment: Environment, mail: SmtpMail): Promise<{ message_id: string }>;
}

export interface SmtpAccess {
  /** Null when the key opens nothing. */
  authenticate(presented: string): Promise<Caller | { admin: true; key_id: string } | null>;
}

export interface SmtpServices {
  submissions: SmtpSubmissions;
  access: SmtpAccess;
  settings: SmtpSettings & SmtpTuning;
  log: Logger;
  metrics: SmtpMetrics;
  /** Our own name. */
  name: string;
  pending: PendingBytes;
}

export interface SessionContext extends SmtpServices {
  /** IP address of the other end. */
  remote: string;
  /** AUTH is allowed without TLS. */
  plainAuth: boolean;
  /** There is a certificate, so STARTTLS is offered. */
  startTls: boolean;
}
