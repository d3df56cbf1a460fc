/** `/v1/deliveries/retry` and `/discard`: many at once. */

import {
  deliveriesChangedSchema,
  deliveryDiscardBodySchema,
  deliveryRetryBodySchema,
  type DeliveryDiscardBody,
  type DeliveryRetryBody,
} from '@postrider/contract/schemas/bulk';
import { addRoute, type RouteContext } from '../route.ts';

const TAG = 'Deliveries';

export function addBulkDeliveryRoutes(context: RouteContext): void {
  const { bulkDeliveries } = context.services;
  addRoute(context, {
    method: 'POST',
    url: '/v1/deliveries/retry',
    summary: 'Put many dead letters back, due at once',
    description:
      'Oldest first in each lane, in steps that are each on disk before the next. What `matched` counts is done when this is answered; call again while `more` is true.',
    tag: TAG,
    access: 'manage',
    body: { schema: deliveryRetryBodySchema, kind: 'required', checkedBy: 'door' },
    answers: { 200: { description: 'How many it were.', schema: deliveriesChangedSchema } },
    handler: (request) => bulkDeliveries.retry(request.environment, request.body as DeliveryRetryBody),
  });
  addRoute(context, {
    method: 'POST',
    url: '/v1/deliveries/discard',
    summary: 'Give many deliveries up',
    description:
      'Pending, held and dead letters, unless the filter names one of these. What `matched` counts is done when this is answered; call again while `more` is true.',
    tag: TAG,
    access: 'manage',
    body: { schema: deliveryDiscardBodySchema, kind: 'required', checkedBy: 'door' },
    answers: { 200: { description: 'How many it were.', schema: deliveriesChangedSchema } },
    handler: (request) => bulkDeliveries.discard(request.environment, request.body as DeliveryDiscardBody),
  });
}
