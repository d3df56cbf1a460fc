/** Addresses that are not mailed. */

import type { ListPage } from '@postrider/contract/schemas/json-schema';
import type { SuppressionBody, SuppressionObject } from '@postrider/contract/schemas/suppression';
import { itemsOf } from '../paging.ts';
import type { Iterated, SuppressionListQuery } from '../queries.ts';
import type { CallOptions, CreateOptions } from '../request.ts';
import type { Transport } from '../transport.ts';

export interface SuppressionsAdded {
  data: SuppressionObject[];
}
export interface SuppressionsImported {
  imported: number;
}

export class Suppressions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** One, or up to 1,000. An address that is on the list already keeps its first reason. */
  add(
    suppressions: SuppressionBody | readonly SuppressionBody[],
    options?: CreateOptions,
  ): Promise<SuppressionsAdded> {
    const json = Array.isArray(suppressions) ? { suppressions } : suppressions;
    const call = { method: 'POST', path: ['v1', 'suppressions'], json, creates: true } as const;
    return this.#transport.object(call, options);
  }

  list(query?: SuppressionListQuery, options?: CallOptions): Promise<ListPage<SuppressionObject>> {
    return this.#transport.page({ method: 'GET', path: ['v1', 'suppressions'], query }, options);
  }

  iterate(
    query?: Iterated<SuppressionListQuery>,
    options?: CallOptions,
  ): AsyncGenerator<SuppressionObject, void> {
    return itemsOf((cursor) => this.list({ ...query, cursor }, options));
  }

  /** Rejects with 404 `not_found` when the address is not suppressed. */
  get(address: string, options?: CallOptions): Promise<SuppressionObject> {
    return this.#transport.object({ method: 'GET', path: ['v1', 'suppressions', address] }, options);
  }

  /** The address is mailed again. */
  delete(address: string, options?: CallOptions): Promise<void> {
    const path = ['v1', 'suppressions', address];
    return this.#transport.nothing({ method: 'DELETE', path, removes: true }, options);
  }

  /** `address,reason` lines, with or without a line that names them; all are checked before the first is added. */
  importCsv(csv: string, options?: CreateOptions): Promise<SuppressionsImported> {
    const path = ['v1', 'suppressions', 'import'];
    return this.#transport.object({ method: 'POST', path, csv, creates: true }, options);
  }

  /** The whole list as `address,reason,event_id,created_at` lines, in pieces as they come: `importCsv` reads them. */
  async *exportCsv(options?: CallOptions): AsyncGenerator<string, void, undefined> {
    const decoder = new TextDecoder();
    const call = { method: 'GET', path: ['v1', 'suppressions', 'export'], expects: 'text/csv' } as const;
    for await (const chunk of this.#transport.chunks(call, options))
      yield decoder.decode(chunk, { stream: true });
    const rest = decoder.decode();
    if (rest !== '') yield rest;
  }
}
