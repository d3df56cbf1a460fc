/** `/v1/deliveries`: one event due at one endpoint, with its attempts. */

import { deliveryDetailSchema, deliveryListSchema } from '@postrider/contract/schemas/delivery';
import type { FastifyRequest } from 'fastify';
import { DELIVERY_STATUSES } from '../../domain/delivery.ts';
import { TIME_RANGE } from '../event-parameters.ts';
import { choiceParameter, PAGE_PARAMETERS, pageOf, textParameter } from '../query-string.ts';
import { addRoute, type RouteContext } from '../route.ts';

const PARAMS = { delivery_id: { kind: 'delivery', description: 'A delivery (del_…).' } };
const TAG = 'Deliveries';

function idOf(request: FastifyRequest): string {
  return (request.params as { delivery_id: string }).delivery_id;
}

export function addDeliveryRoutes(context: RouteContext): void {
  const { query, deliveries } = context.services;
  const lookup = (request: FastifyRequest): Promise<unknown> =>
    query.delivery(request.environment, idOf(request));
  addRoute(context, {
    method: 'GET',
    url: '/v1/deliveries',
    summary: 'List deliveries, newest first',
    tag: TAG,
    access: 'read',
    query: {
      status: choiceParameter(DELIVERY_STATUSES, 'In this state; `failed` is the dead-letter list.'),
      endpoint_id: textParameter('To this endpoint.'),
      event_id: textParameter('Of this event.'),
      message_id: textParameter("Of this message's events."),
      ...TIME_RANGE,
      ...PAGE_PARAMETERS,
    },
    answers: { 200: { description: 'A page of deliveries.', schema: deliveryListSchema } },
    handler: (request, _reply, { limit, cursor, ...filter }) =>
      query.deliveries(request.environment, filter, pageOf({ limit, cursor })),
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/deliveries/:delivery_id',
    summary: 'Show a delivery with its attempts',
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup,
    answers: { 200: { description: 'The delivery.', schema: deliveryDetailSchema } },
    handler: async (request) => request.found,
  });
  const actions = [
    { name: 'retry', summary: 'Put a dead letter back, due at once', run: deliveries.retry.bind(deliveries) },
    { name: 'discard', summary: 'Give a delivery up', run: deliveries.discard.bind(deliveries) },
  ];
  for (const action of actions)
    addRoute(context, {
      method: 'POST',
      url: `/v1/deliveries/:delivery_id/${action.name}`,
      summary: action.summary,
      tag: TAG,
      access: 'manage',
      params: PARAMS,
      lookup,
      answers: { 200: { description: 'The delivery as it is now.', schema: deliveryDetailSchema } },
      async handler(request) {
        await action.run(request.environment, idOf(request));
        return query.delivery(request.environment, idOf(request));
      },
    });
}
