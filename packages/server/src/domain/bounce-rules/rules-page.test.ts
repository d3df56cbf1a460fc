import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BOUNCE_RULES } from './table.ts';
import { rulesPage } from './testing/rules-page.ts';

test('docs/bounces.md is what the table says', async () => {
  const page = join(import.meta.dirname, '../../../../../docs/bounces.md');
  await expect(rulesPage(BOUNCE_RULES)).toMatchFileSnapshot(page);
});
