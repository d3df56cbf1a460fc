/** Projects, their environments, and the keys that open them. */

import type { EnvironmentName } from '@postrider/contract/events';

/** `manage` implies nothing: a key lists every scope it has. */
export const SCOPES = ['send', 'read', 'manage'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Project {
  project_id: string;
  name: string;
  created_at: number;
}

/** Everything but projects belongs to one environment. `env` is the store's small number for it. */
export interface Environment {
  env: number;
  project_id: string;
  name: EnvironmentName;
  /** Environment's clock minus wall clock, ms. Only ever advanced, and only in the sandbox. */
  clock_offset_ms: number;
}

export interface ApiKey {
  key_id: string;
  /** Null for an administrator's key, which makes projects and belongs to none. */
  env: number | null;
  name: string;
  scopes: Scope[];
  /** First characters of the key, to tell keys apart in lists. */
  prefix: string;
  created_at: number;
  revoked_at: number | null;
}

/** Who is calling, once the key is verified. */
export interface Caller {
  key_id: string;
  environment: Environment;
  scopes: readonly Scope[];
}
