/** Tags, metadata and campaign of a message or of a custom event: checked alike, wherever they come from. */

import { MAX_CAMPAIGN_ID } from '@postrider/contract/schemas/limits';
import { token, type Faults } from './faults.ts';
import type { AcceptLimits } from './limits.ts';
import { FORBIDDEN_KEYS, isObject, lineTrouble, octetsOf } from './text-rules.ts';

export interface Labels {
  tags: string[];
  metadata: Record<string, string>;
  campaign_id: string | null;
}

export type LabelLimits = Pick<AcceptLimits, 'tags' | 'tag_bytes' | 'metadata_pairs' | 'metadata_bytes'>;

/** Reads the three label members of `body`; what does not fit goes to `faults`, with `at` in front of its path. */
export function readLabels(
  body: Record<string, unknown>,
  at: string,
  limits: LabelLimits,
  faults: Faults,
): Labels {
  return {
    tags: body.tags === undefined ? [] : readTags(body.tags, `${at}/tags`, limits, faults),
    metadata:
      body.metadata === undefined ? {} : readMetadata(body.metadata, `${at}/metadata`, limits, faults),
    campaign_id: readCampaign(body.campaign_id, `${at}/campaign_id`, faults),
  };
}

/** Repeated tags are kept once. */
export function readTags(value: unknown, at: string, limits: LabelLimits, faults: Faults): string[] {
  if (!Array.isArray(value)) {
    faults.add(at, 'must be a list of strings');
    return [];
  }
  if (value.length > limits.tags)
    faults.add(at, `has ${value.length} tags; at most ${limits.tags} are allowed (limits.tags)`);
  const tags = new Set<string>();
  for (const [index, tag] of value.slice(0, limits.tags).entries()) {
    const trouble = tagTrouble(tag, limits);
    if (trouble === null) tags.add(tag as string);
    else faults.add(`${at}/${index}`, trouble);
  }
  return [...tags];
}

function tagTrouble(tag: unknown, limits: LabelLimits): string | null {
  if (typeof tag !== 'string') return 'must be a string';
  if (tag.trim() === '') return 'is empty; leave it out';
  if (octetsOf(tag) > limits.tag_bytes)
    return `is longer than ${limits.tag_bytes} octets; the limit is limits.tag_bytes`;
  return lineTrouble(tag);
}

export function readMetadata(
  value: unknown,
  at: string,
  limits: LabelLimits,
  faults: Faults,
): Record<string, string> {
  if (!isObject(value)) {
    faults.add(at, 'must be an object whose values are strings');
    return {};
  }
  const keys = Object.keys(value);
  if (keys.length > limits.metadata_pairs) {
    faults.add(
      at,
      `has ${keys.length} pairs; at most ${limits.metadata_pairs} are allowed (limits.metadata_pairs)`,
    );
    return {};
  }
  const metadata: Record<string, string> = {};
  let octets = 0;
  for (const key of keys) {
    const item = value[key];
    const trouble = keyTrouble(key) ?? metadataTrouble(item);
    if (trouble !== null) {
      faults.add(`${at}/${token(key)}`, trouble);
      continue;
    }
    octets += octetsOf(key) + octetsOf(item as string);
    metadata[key] = item as string;
  }
  if (octets > limits.metadata_bytes)
    faults.add(
      at,
      `has ${octets} octets of keys and values; at most ${limits.metadata_bytes} are allowed (limits.metadata_bytes)`,
    );
  return metadata;
}

function keyTrouble(key: string): string | null {
  if (key === '') return 'has an empty key; give it a name';
  if (FORBIDDEN_KEYS.has(key)) return `is a key that is not allowed; rename "${key}"`;
  return lineTrouble(key);
}

function metadataTrouble(value: unknown): string | null {
  if (typeof value !== 'string') return 'must be a string; write numbers and flags as text';
  if (value.includes('\0')) return 'has a NUL character; remove it';
  return value.isWellFormed() ? null : 'is not well-formed Unicode; remove the lone surrogate';
}

export function readCampaign(value: unknown, at: string, faults: Faults): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') {
    faults.add(at, 'must be a string');
    return null;
  }
  const trouble =
    value.trim() === ''
      ? 'is empty; leave it out'
      : value.length > MAX_CAMPAIGN_ID
        ? `is longer than ${MAX_CAMPAIGN_ID} characters`
        : lineTrouble(value);
  if (trouble === null) return value;
  faults.add(at, trouble);
  return null;
}
