/** Mail by HTTP, one message at a time and in small batches, and by SMTP; to recipients with stories. */

import { signedIn, submit } from '../kit/smtp.ts';
import type { RawClient } from '../../src/smtp/test-kit.ts';
import type { ServerLives } from './server-lives.ts';
import type { SoakClient } from './http-client.ts';
import type { Ledger, SentMessage } from './ledger.ts';
import { Load } from './pace.ts';
import type { Random } from './random.ts';

const BATCH = 5;
const ABANDONED = 0.2;

interface BatchAnswer {
  data: { message_id?: string; error?: { status: number } }[];
}

export interface MessageLoadOptions {
  server: ServerLives;
  ledger: Ledger;
  client: SoakClient;
  random: Random;
  key: string;
  /** Messages per second, half of them by each door. */
  perSecond: number;
  /** Local parts of the sandbox's recipients. */
  stories: readonly string[];
}

export class MessageLoad {
  readonly loads: readonly Load[];
  readonly #options: MessageLoadOptions;
  readonly #idle: { client: RawClient; life: number }[] = [];

  constructor(options: MessageLoadOptions) {
    this.#options = options;
    const { server, perSecond } = options;
    this.loads = [
      new Load(server, { perSecond: perSecond / 4, atOnce: 96, send: () => this.#single() }),
      new Load(server, { perSecond: perSecond / 4, atOnce: 32, send: () => this.#batch() }),
      new Load(server, { perSecond: perSecond / 2, atOnce: 64, send: () => this.#smtp() }),
    ];
  }

  close(): void {
    for (const { client } of this.#idle.splice(0)) client.destroy();
  }

  #new(door: SentMessage['door']): SentMessage {
    const { ledger, random, stories } = this.#options;
    const count = random.chance(0.1) ? 3 : 1;
    // An address of its own for each: a suppression that one story ends in must not touch the others.
    return ledger.addMessage(door, (n) =>
      Array.from({ length: count }, (_, i) => `${random.pick(stories)}+${n}.${i}@sandbox.test`),
    );
  }

  #single(): { count: number; done: Promise<void> } {
    const message = this.#new('http');
    return { count: 1, done: this.#post('/v1/messages', [message], JSON.stringify(bodyOf(message))) };
  }

  #batch(): { count: number; done: Promise<void> } {
    const messages = Array.from({ length: BATCH }, () => this.#new('batch'));
    const body = JSON.stringify({ messages: messages.map(bodyOf) });
    return { count: BATCH, done: this.#post('/v1/messages/batch', messages, body) };
  }

  async #post(path: string, messages: SentMessage[], body: string): Promise<void> {
    const { client, random, ledger } = this.#options;
    const key = `messages-${messages[0]?.n}`;
    const answer = await client.create(path, body, key, {
      again: () => {
        for (const message of messages) message.repeated++;
      },
      giveUp: () => random.chance(ABANDONED),
    });
    if (answer === null) {
      for (const message of messages) message.fate = 'unknown';
      return;
    }
    if (answer.status !== 202)
      throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    const data: BatchAnswer['data'] = path.endsWith('batch')
      ? (answer.body as BatchAnswer).data
      : [answer.body as { message_id: string }];
    for (const [i, message] of messages.entries()) {
      const message_id = data[i]?.message_id;
      if (message_id !== undefined) ledger.messageAccepted(message, message_id);
      else if (data[i]?.error?.status === 503) pushedBack(message, ledger);
      else throw new Error(`message ${i} of a batch: ${JSON.stringify(data[i])}`);
    }
  }

  #smtp(): { count: number; done: Promise<void> } {
    return { count: 1, done: this.#submit(this.#new('smtp')) };
  }

  /** SMTP has no idempotency: a lost 250 leaves the message unknown, and nobody sends it again. */
  async #submit(message: SentMessage): Promise<void> {
    const { server, ledger, key } = this.#options;
    const life = server.lives;
    let client: RawClient | null = null;
    try {
      client = this.#fromIdle(life) ?? (await signedIn(server.smtp, key));
      const message_id = await submit(client, 'soak@example.com', message.recipients, mimeOf(message));
      ledger.messageAccepted(message, message_id);
      this.#idle.push({ client, life });
    } catch (error) {
      client?.destroy();
      if (isPushBack(error)) {
        pushedBack(message, ledger);
      } else if (server.isReady && server.lives === life) {
        throw new Error(`mail by SMTP, with the server alive: ${String(error)}`, { cause: error });
      } else {
        message.fate = 'unknown';
      }
    }
  }

  #fromIdle(life: number): RawClient | null {
    for (;;) {
      const idle = this.#idle.pop();
      if (idle === undefined) return null;
      if (idle.life === life) return idle.client;
      idle.client.destroy();
    }
  }
}

/** Refused this time; an answer lost before that may have been another one. */
function pushedBack(message: SentMessage, ledger: Ledger): void {
  message.fate = message.repeated > 0 ? 'unknown' : 'refused';
  ledger.pushedBack++;
}

function isPushBack(error: unknown): boolean {
  return error instanceof Error && / answered 4\d\d /.test(error.message);
}

function bodyOf({ n, recipients }: SentMessage): object {
  const [first, ...others] = recipients;
  return {
    from: 'Soak <soak@example.com>',
    to: first,
    ...(others.length === 0 ? {} : { cc: others }),
    subject: `Message ${n}`,
    text: 'Have a look: https://example.com/offer',
    metadata: { n: String(n) },
  };
}

function mimeOf({ n, recipients }: SentMessage): string {
  return [
    'From: Soak <soak@example.com>',
    `To: ${recipients.join(', ')}`,
    `Subject: Message ${n}`,
    `X-Postrider-Metadata: n=${n}`,
    '',
    'Have a look: https://example.com/offer',
    '',
  ].join('\r\n');
}
