/** Endpoints that never take anything. */

import { freePort, startHelper } from './processes.ts';

export const DEATHS = ['hanging', 'refusing', 'failing'] as const;
export type Death = (typeof DEATHS)[number];

export interface Dead {
  /** Where an endpoint with that fate is. */
  url(death: Death, n?: number): string;
  /** Paths with a request hanging now, and the requests so far. */
  status(): Promise<{ hanging: number; requests: number }>;
  stop(): Promise<void>;
}

export async function startDead(): Promise<Dead> {
  const helper = await startHelper('./dead-process.ts');
  const refusing = await freePort();
  const base = `http://127.0.0.1:${helper.port}`;
  return {
    url: (death, n = 0) => {
      if (death === 'refusing') return `http://127.0.0.1:${refusing}/${n}`;
      return `${base}/${death === 'hanging' ? 'hang' : '500'}/${n}`;
    },
    status: async () =>
      (await (await fetch(`${base}/status`)).json()) as { hanging: number; requests: number },
    stop: helper.stop,
  };
}
