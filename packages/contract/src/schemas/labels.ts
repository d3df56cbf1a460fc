/** Tags, metadata and campaign: what a customer hangs on messages and events to find them again. */

import type { JsonSchema } from './json-schema.ts';
import { MAX_CAMPAIGN_ID, MAX_METADATA, MAX_TAG, MAX_TAGS } from './limits.ts';

export interface Labels {
  tags?: string[];
  metadata?: Record<string, string>;
  campaign_id?: string | null;
}

export const TAGS: JsonSchema = {
  type: 'array',
  maxItems: MAX_TAGS,
  items: { type: 'string', minLength: 1, maxLength: MAX_TAG },
};
export const METADATA: JsonSchema = {
  type: 'object',
  maxProperties: MAX_METADATA,
  additionalProperties: { type: 'string' },
  description: 'Names of your own; values are strings.',
};
export const CAMPAIGN_ID: JsonSchema = { type: ['string', 'null'], minLength: 1, maxLength: MAX_CAMPAIGN_ID };
