/** What the SMTP door counts. `SmtpDoor.connections` and `.pendingBytes` are its gauges. */

import type { ReplyName } from './replies.ts';

export interface SmtpMetrics {
  /** A transaction that came to the end of DATA: `queued`, or the reply it got instead; time since MAIL. */
  transaction(outcome: ReplyName, ms: number): void;
  authFailure(): void;
}

export const NO_METRICS: SmtpMetrics = { transaction() {}, authFailure() {} };
