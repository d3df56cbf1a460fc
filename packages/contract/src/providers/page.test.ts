import { expect, it } from 'vitest';
import { providersPage } from './page.ts';

it('docs/providers.md is what the providers’ tables say', async () => {
  await expect(providersPage()).toMatchFileSnapshot('../../../../docs/providers.md');
});
