/** What is in the database, looked at from outside. */

import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';

/** Rows of every table. Equal before and after = nothing was written that stays. */
export function rowCounts(dir: string): Record<string, number> {
  const db = new DatabaseSync(join(dir, 'postrider.db'), { readOnly: true });
  try {
    const tables = db
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
      )
      .all() as { name: string }[];
    return Object.fromEntries(
      tables.map(({ name }) => {
        const row = db.prepare(`SELECT count(*) AS n FROM "${name}"`).get() as { n: number };
        return [name, row.n];
      }),
    );
  } finally {
    db.close();
  }
}
