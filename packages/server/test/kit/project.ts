/** A tenant of one's own for each test. */

import { newId } from '../../src/base/ids.ts';
import { Api } from './api.ts';

export interface TestProject {
  project_id: string;
  live: Api;
  sandbox: Api;
}

export async function createProject(admin: Api): Promise<TestProject> {
  const { project_id, keys } = await admin.post<{
    project_id: string;
    keys: { live: string; sandbox: string };
  }>('/v1/projects', { name: newId('prj') });
  return {
    project_id,
    live: new Api(admin.base, keys.live),
    sandbox: new Api(admin.base, keys.sandbox),
  };
}
