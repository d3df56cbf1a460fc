/** A way out for mail. */

import type { OutgoingRecipient } from '../domain/message.ts';
import type { Outcome } from '../domain/outcome.ts';

export interface Transport {
  /** For logs and metrics, for example `sandbox`. */
  readonly name: string;
  /**
   * Tries once to hand `item` over. `attempt` is 1 for the first. Resolves to what came of it; a rejection
   * means a fault of our own and is treated as a temporary failure.
   */
  send(item: OutgoingRecipient, attempt: number): Promise<Outcome>;
}
