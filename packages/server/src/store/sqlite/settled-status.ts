/** The numbers of `settled.status`. */

import type { DeliveryStatus } from '../../domain/delivery.ts';

export const SETTLED_STATUS = { delivered: 1, failed: 2, discarded: 3 } as const;
export type SettledAs = keyof typeof SETTLED_STATUS;
export const SETTLED_NAME: Readonly<Record<number, DeliveryStatus>> = {
  1: 'delivered',
  2: 'failed',
  3: 'discarded',
};
