/** Projects and API keys. */

import type { EnvironmentName } from '../events.ts';
import {
  answerSchema,
  ENVIRONMENT,
  idSchema,
  objectSchema,
  pageSchema,
  TEXT,
  TIME,
  TIME_OR_NULL,
  type JsonSchema,
} from './json-schema.ts';
import { MAX_NAME } from './limits.ts';

export const KEY_SCOPES = ['send', 'read', 'manage'] as const;

const NAME: JsonSchema = {
  type: 'string',
  maxLength: MAX_NAME,
  pattern: '^[^\\p{Cc}\\s](?:[^\\p{Cc}]*[^\\p{Cc}\\s])?$',
  'x-rule': 'must be text without control characters and without blanks at the ends',
};
const SCOPES: JsonSchema = {
  type: 'array',
  minItems: 1,
  uniqueItems: true,
  items: { type: 'string', enum: KEY_SCOPES },
};

/** Body of `POST /v1/projects`; an administrator's key makes it. */
export interface ProjectBody {
  name: string;
}
export const projectBodySchema = objectSchema<ProjectBody>({ name: NAME }, ['name']);

export interface ProjectObject {
  project_id: string;
  name: string;
  environments: EnvironmentName[];
  created_at: string;
}
export const projectSchema = answerSchema<ProjectObject>({
  project_id: idSchema('prj'),
  name: TEXT,
  environments: { type: 'array', items: ENVIRONMENT },
  created_at: TIME,
});
export const projectListSchema = pageSchema(projectSchema);

/** Body of `POST /v1/api-keys`. */
export interface ApiKeyBody {
  name: string;
  scopes: (typeof KEY_SCOPES)[number][];
}
export const apiKeyBodySchema = objectSchema<ApiKeyBody>({ name: NAME, scopes: SCOPES }, ['name', 'scopes']);

export interface ApiKeyObject {
  key_id: string;
  name: string;
  scopes: (typeof KEY_SCOPES)[number][];
  /** The key's first characters, to tell keys apart. */
  prefix: string;
  created_at: string;
  revoked_at: string | null;
}
const keyMembers: Record<keyof ApiKeyObject, JsonSchema> = {
  key_id: idSchema('key'),
  name: TEXT,
  scopes: SCOPES,
  prefix: TEXT,
  created_at: TIME,
  revoked_at: TIME_OR_NULL,
};
export const apiKeySchema = answerSchema<ApiKeyObject>(keyMembers);
export const apiKeyListSchema = pageSchema(apiKeySchema);
/** The answer that makes the key: the only one that shows it. */
export interface ApiKeyCreated extends ApiKeyObject {
  key: string;
}
export const apiKeyCreatedSchema = answerSchema<ApiKeyCreated>({ ...keyMembers, key: TEXT });
