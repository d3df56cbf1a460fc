/** Tenants; with an administrator's key. */

import type { EnvironmentName } from '@postrider/contract/events';
import type { ProjectBody, ProjectObject } from '@postrider/contract/schemas/access';
import type { ListPage } from '@postrider/contract/schemas/json-schema';
import type { CallOptions, CreateOptions } from '../request.ts';
import type { Transport } from '../transport.ts';

export interface ProjectCreated extends ProjectObject {
  /** The first key of each environment, with every scope; shown once. */
  keys: Record<EnvironmentName, string>;
}

export class Projects {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  create(project: ProjectBody, options?: CreateOptions): Promise<ProjectCreated> {
    const call = { method: 'POST', path: ['v1', 'projects'], json: project, creates: true } as const;
    return this.#transport.object(call, options);
  }

  /** All of them. */
  list(options?: CallOptions): Promise<ListPage<ProjectObject>> {
    return this.#transport.page({ method: 'GET', path: ['v1', 'projects'] }, options);
  }
}
