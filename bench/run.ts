/** `npm run bench -- NAME [options]`: one command per claim. Without a name it lists them. */

const BENCHES: Readonly<
  Record<string, { what: string; load: () => Promise<{ main(args: string[]): Promise<void> }> }>
> = {
  publish: {
    what: 'durable end-to-end webhook deliveries against a bare undici.request loop',
    load: () => import('./publish.ts'),
  },
  ingest: {
    what: 'the doors: messages and events by HTTP, single and in batches, and mail by SMTP',
    load: () => import('./ingest.ts'),
  },
};

const [name, ...args] = process.argv.slice(2);
const bench = name === undefined ? undefined : BENCHES[name];
if (bench === undefined) {
  console.log('usage: npm run bench -- NAME [--rounds N] [--events N]\n');
  for (const [key, { what }] of Object.entries(BENCHES)) console.log(`  ${key.padEnd(10)} ${what}`);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  await (await bench.load()).main(args);
}
