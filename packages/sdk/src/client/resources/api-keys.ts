/** Keys of an environment, and which environment a key opens. */

import type { EnvironmentName } from '@postrider/contract/events';
import type { ApiKeyBody, ApiKeyCreated, ApiKeyObject } from '@postrider/contract/schemas/access';
import type { ListPage } from '@postrider/contract/schemas/json-schema';
import { itemsOf } from '../paging.ts';
import type { Iterated, PageQuery } from '../queries.ts';
import type { CallOptions, CreateOptions } from '../request.ts';
import type { Transport } from '../transport.ts';

/** What the client's own key opens. */
export interface KeyEnvironment {
  project_id: string;
  environment: EnvironmentName;
  key_id: string;
  scopes: ApiKeyObject['scopes'];
  /** The environment's time. */
  now: string;
}

export class ApiKeys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The answer has the `key`, once. */
  create(key: ApiKeyBody, options?: CreateOptions): Promise<ApiKeyCreated> {
    return this.#transport.object(
      { method: 'POST', path: ['v1', 'api-keys'], json: key, creates: true },
      options,
    );
  }

  list(query?: PageQuery, options?: CallOptions): Promise<ListPage<ApiKeyObject>> {
    return this.#transport.page({ method: 'GET', path: ['v1', 'api-keys'], query }, options);
  }

  iterate(query?: Iterated<PageQuery>, options?: CallOptions): AsyncGenerator<ApiKeyObject, void> {
    return itemsOf((cursor) => this.list({ ...query, cursor }, options));
  }

  /** It opens nothing from then on. */
  revoke(key_id: string, options?: CallOptions): Promise<ApiKeyObject> {
    return this.#transport.object({ method: 'DELETE', path: ['v1', 'api-keys', key_id] }, options);
  }

  environment(options?: CallOptions): Promise<KeyEnvironment> {
    return this.#transport.object({ method: 'GET', path: ['v1', 'environment'] }, options);
  }
}
