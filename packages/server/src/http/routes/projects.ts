/** `/v1/projects`: made by an administrator's key. */

import { projectBodySchema, projectListSchema, projectSchema } from '@postrider/contract/schemas/access';
import { answerSchema, TEXT, type JsonSchema } from '@postrider/contract/schemas/json-schema';
import type { Environment, Project } from '../../domain/tenancy.ts';
import { SCOPES } from '../../domain/tenancy.ts';
import { addRoute, idempotency, type RouteContext } from '../route.ts';
import type { AccessService, IdempotencyInput } from '../services.ts';

const TAG = 'Projects';
const projectCreatedSchema = answerSchema({
  ...(projectSchema['properties'] as Record<string, JsonSchema>),
  keys: answerSchema({ live: TEXT, sandbox: TEXT }, { description: 'Keys with every scope; shown once.' }),
});

export function addProjectRoutes(context: RouteContext): void {
  const { access } = context.services;
  addRoute(context, {
    method: 'GET',
    url: '/v1/projects',
    summary: 'List projects',
    tag: TAG,
    access: 'admin',
    answers: { 200: { description: 'All projects.', schema: projectListSchema } },
    async handler() {
      const projects = await access.listProjects();
      return {
        data: projects.map(({ project, environments }) => publicProject(project, environments)),
        next_cursor: null,
      };
    },
  });
  addRoute(context, {
    method: 'POST',
    url: '/v1/projects',
    summary: 'Make a project with its two environments',
    description: 'The answer shows the first key of each environment, once.',
    tag: TAG,
    access: 'admin',
    body: { schema: projectBodySchema, kind: 'required', checkedBy: 'door' },
    creates: true,
    answers: { 201: { description: 'The project and its keys.', schema: projectCreatedSchema } },
    async handler(request, reply) {
      const idem = idempotency(request);
      const { project, environments } = await access.createProject(
        (request.body as { name: string }).name,
        idem,
      );
      const keys: Record<string, string> = {};
      for (const environment of environments)
        keys[environment.name] = await firstKey(access, environment, idem);
      reply.code(201).header('cache-control', 'no-store');
      return { ...publicProject(project, environments), keys };
    },
  });
}

async function firstKey(
  access: AccessService,
  environment: Environment,
  idempotency: IdempotencyInput | null,
): Promise<string> {
  const { secret } = await access.createApiKey(
    environment.env,
    { name: 'first key', scopes: [...SCOPES] },
    // Its own key within the environment: a repeated call shows the same first keys again.
    idempotency === null ? null : { ...idempotency, key: `${idempotency.key}#${environment.name}` },
  );
  return secret;
}

function publicProject(project: Project, environments: readonly Environment[]): object {
  return {
    project_id: project.project_id,
    name: project.name,
    environments: environments.map((environment) => environment.name),
    created_at: new Date(project.created_at).toISOString(),
  };
}
