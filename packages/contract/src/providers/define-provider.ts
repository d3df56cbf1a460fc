/** What all providers do alike: only POST verifies; a body is opened into items, each item becomes drafts, then events. */

import { isObject, parseJson, utf8, type Fields } from './json-fields.ts';
import { mappingTable, readBatch, type Draft } from './normalize.ts';
import { refused, type Provider, type ProviderRequest, type Reading } from './provider.ts';

export interface ProviderDefinition extends Omit<Provider, 'read'> {
  /** The items of a body; or the answer at once, when it holds none. */
  open: (request: ProviderRequest) => readonly unknown[] | Reading;
  drafts: (item: Fields, request: ProviderRequest) => readonly Draft[];
}

export function defineProvider({ open, drafts, ...provider }: ProviderDefinition): Provider {
  const table = mappingTable(provider.name, provider.mappings);
  return {
    ...provider,
    verify: async (request, credentials, env) =>
      request.method === 'POST' ? provider.verify(request, credentials, env) : refused('wrong_method'),
    read: (request) => {
      const opened = open(request);
      return 'kind' in opened ? opened : readBatch(table, opened, (item) => drafts(item, request));
    },
  };
}

export const MALFORMED: Reading = { kind: 'unusable', reason: 'malformed_body' };

/** A JSON body: its members when it is an array, itself when it is an object. */
export function jsonItems(request: ProviderRequest): readonly unknown[] | Reading {
  return itemsOf(parseJson(utf8(request.rawBody)));
}

export function itemsOf(value: unknown): readonly unknown[] | Reading {
  if (Array.isArray(value)) return value as unknown[];
  return isObject(value) ? [value] : MALFORMED;
}
