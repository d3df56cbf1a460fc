/** Ways to hand mail in by SMTP: nodemailer, raw octets, and swaks where it is installed. */

import { spawn, spawnSync } from 'node:child_process';
import { createTransport, type Transporter } from 'nodemailer';
import { plainResponse, RawClient } from '../../src/smtp/test-kit.ts';

interface Door {
  host: string;
  port: number;
}

/** nodemailer as an application uses it, with an API key as password. */
export function mailer({ host, port }: Door, key: string): Transporter {
  return createTransport({
    host,
    port,
    secure: false,
    // The certificate is made at the first start; nobody has it in a list.
    tls: { rejectUnauthorized: false },
    auth: { user: 'apikey', pass: key },
  });
}

/** Greeted, said EHLO, signed in. */
export async function signedIn({ port }: Door, key: string): Promise<RawClient> {
  const client = await RawClient.connect(port);
  await client.reply();
  await client.ask('EHLO client.example.org');
  const reply = await client.ask(`AUTH PLAIN ${plainResponse(key)}`);
  if (!reply.startsWith('235 ')) throw new Error(`AUTH answered ${reply}`);
  return client;
}

/** One transaction by hand. `data` is stuffed and ends in CRLF already. Resolves to the message id of the 250. */
export async function submit(
  client: RawClient,
  from: string,
  recipients: readonly string[],
  data: string | Buffer,
): Promise<string> {
  await expectCode(client, `MAIL FROM:<${from}>`, '250');
  for (const recipient of recipients) await expectCode(client, `RCPT TO:<${recipient}>`, '250');
  await expectCode(client, 'DATA', '354');
  client.send(Buffer.concat([Buffer.from(data), Buffer.from('.\r\n')]));
  const reply = (await client.reply()).at(-1) ?? '';
  const queued = /^250 2\.0\.0 queued as (msg_[0-9a-z]{26})$/.exec(reply);
  if (queued === null) throw new Error(`the end of data was answered ${reply}`);
  return queued[1] as string;
}

async function expectCode(client: RawClient, line: string, code: string): Promise<void> {
  const reply = await client.ask(line);
  if (!reply.startsWith(code)) throw new Error(`${line} was answered ${reply}`);
}

/** Whether a program of this machine can be run. */
export function installed(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

export async function run(program: string, args: string[], input?: Buffer): Promise<Ran> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(err).toString('utf8') };
}
