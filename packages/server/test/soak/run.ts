/** `npm run soak -- NAME [options]`: long runs under faults. Without a name it lists them. */

interface Soak {
  what: string;
  load: () => Promise<{ main(args: string[]): Promise<number> }>;
}

const SOAKS: Readonly<Record<string, Soak>> = {
  kill: {
    what: 'kill -9 at random moments under load: [--kills 50] [--seed N]',
    load: () => import('./kill.ts'),
  },
  chaos: {
    what: 'the chaos scenarios in their long sizes: [NAME…]',
    load: () => import('./chaos.ts'),
  },
};

const [name, ...args] = process.argv.slice(2);
const soak = name === undefined ? undefined : SOAKS[name];
if (soak === undefined) {
  console.log('usage: npm run soak -- NAME [options]\n');
  for (const [key, { what }] of Object.entries(SOAKS)) console.log(`  ${key.padEnd(8)} ${what}`);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  process.exitCode = await (await soak.load()).main(args);
}
