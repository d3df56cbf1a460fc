/** The collection of reports in `vectors/bounces`, and how much of it is read rightly. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainReport, type ExplainedReport } from '../explain-report.ts';
import { readReport } from '../read-report.ts';
import type { ReportKind } from '../report.ts';

export interface CorpusCase {
  file: string;
  /** The kind of server that writes so. */
  family: string;
  source: string;
  kind: ReportKind;
  message_id: string | null;
  recipients: { address: string | null; outcome: string; category: string | null }[];
}

const ROOT = join(import.meta.dirname, '../../../../../../vectors/bounces');

export function corpus(
  folder: 'tuning' | 'collected' | 'held-out',
): (CorpusCase & { report: ExplainedReport })[] {
  const { cases } = JSON.parse(readFileSync(join(ROOT, folder, 'cases.json'), 'utf8')) as {
    cases: CorpusCase[];
  };
  return cases.map((each) => ({
    ...each,
    report: explainReport(readReport(readFileSync(join(ROOT, folder, each.file)))),
  }));
}

export interface Rates {
  /** Recipients of bounces and delay notices. */
  expected: number;
  found: number;
  /** Found, and bounce, soft bounce or deferral told rightly. */
  outcome: number;
  category: number;
  wrong: string[];
}

export function rates(cases: readonly (CorpusCase & { report: ExplainedReport })[]): Rates {
  const total: Rates = { expected: 0, found: 0, outcome: 0, category: 0, wrong: [] };
  for (const { file, kind, recipients, report } of cases) {
    if (kind !== report.kind) total.wrong.push(`${file}: is ${kind}, not ${report.kind}`);
    if (kind === 'complaint') continue;
    for (const wanted of recipients) {
      total.expected++;
      const got = report.recipients.find(({ address }) => address === wanted.address);
      if (got === undefined) {
        total.wrong.push(
          `${file}: ${wanted.address} is not among ${report.recipients.map((each) => each.address).join(' ')}`,
        );
        continue;
      }
      total.found++;
      if (got.outcome === wanted.outcome) total.outcome++;
      if (got.category === wanted.category) total.category++;
      if (got.outcome !== wanted.outcome || got.category !== wanted.category)
        total.wrong.push(
          `${file}: ${wanted.outcome} ${wanted.category}, not ${got.outcome} ${got.category} (${got.rule}: ${got.smtp_code} ${got.enhanced_code} ${got.diagnostic})`,
        );
    }
    if (report.recipients.length > recipients.length)
      total.wrong.push(`${file}: too many: ${report.recipients.map((each) => each.address).join(' ')}`);
  }
  return total;
}
