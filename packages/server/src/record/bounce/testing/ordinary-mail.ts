/**
 * Mail that is no bounce, however much it sounds like one: letters, replies and forwards that quote whole bounces,
 * newsletters, vacation notices, receipts. Made from a seed, so that a failure can be seen again.
 */

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface OrdinaryMail {
  name: string;
  raw: Buffer;
  kind: 'other' | 'auto_reply';
}

const TUNING = join(import.meta.dirname, '../../../../../../vectors/bounces/tuning');

/** Mulberry32: 32 bits of state are plenty for a choice of phrases. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const TALK = [
  'My mail to ann@rcpt.example came back: 550 5.1.1 User unknown. Do you have another address of hers?',
  'Meine Mail kam zurück mit der Meldung "mailbox full". Kannst du bitte aufräumen?',
  'Mon message est revenu avec « undeliverable », la boîte est pleine, je crois.',
  'El correo fue devuelto: delivery failed. ¿Puedes comprobar la dirección?',
  'Il messaggio non è stato recapitato: Mail delivery failed: returning message to sender.',
  'メールが届きません。User unknown と表示されました。',
  '邮件被退回了,提示 mailbox not found。',
  'Письмо вернулось: user unknown. Проверьте, пожалуйста, адрес.',
  'Hi. This is the second time I ask: the mailing list rejected me with 554 5.7.1.',
  'This message was created with care and not automatically by mail delivery software.',
  "I'm afraid I wasn't able to deliver the parcel to the following addresses.",
  'Your message could not be more welcome. The quota discussion was delivered to everybody.',
  'We were unable to deliver your order to the address you gave us.',
  '<ann@rcpt.example>: that is the address that bounced.',
  'The following recipients failed the exam: bob@school.example (score 550).',
  'Final-Recipient: rfc822; is the field you asked about; Action: failed means permanent.',
] as const;
const SUBJECTS = [
  'Re: Undelivered Mail Returned to Sender',
  'AW: Mail delivery failed: returning message to sender',
  'Fwd: Delivery Status Notification (Failure)',
  'Question about failure notice',
  'Returned mail: how do we handle it?',
  'Undeliverable parcels in March',
  'Delivery problem with order 552',
  'Lunch?',
  '=?utf-8?Q?Zustellung_fehlgeschlagen_=E2=80=93_was_nun=3F?=',
  '配信不能について',
] as const;
const PEOPLE = [
  'Ann Lee <ann@people.example>',
  'Postmaster Bob <bob@people.example>',
  '"Support" <support@shop.example>',
  'Ana Núñez <ana@gente.example>',
  'Mailer Team <mailer@news.example>',
  '"Daemon, M." <m.daemon@people.example>',
  // A person may have this name, too.
  'Postmaster <postmaster@people.example>',
] as const;
const AWAY: readonly (readonly [string, string])[] = [
  ['Automatic reply: Your order', 'I am out of office. Your message could not be delivered to me in person.'],
  [
    'Automatische Antwort: Bestellung',
    'Ich bin bis zum 5. nicht im Büro. Nachrichten werden nicht weitergeleitet.',
  ],
  ['Réponse automatique : Commande', 'Je suis absent. Boîte pleine possible: mailbox full.'],
  ['Respuesta automática: Pedido', 'Estoy fuera de la oficina. Mi dirección anterior no existe.'],
  ['Risposta automatica: Ordine', 'Sono fuori sede. Per urgenze: casella piena, chiamate.'],
  ['Automatisch antwoord: Bestelling', 'Ik ben afwezig.'],
  ['Automatyczna odpowiedź: Zamówienie', 'Jestem poza biurem.'],
  ['Автоматический ответ: Заказ', 'Меня нет в офисе. 550 вопросов подождут.'],
  ['自動返信: ご注文', '不在にしております。'],
  ['自动回复: 订单', '我现在不在办公室。'],
  [
    'Out of Office: Your order',
    'I no longer work here; user unknown from next month. Write to bob@rcpt.example.',
  ],
  ['Re: Your order', 'I am away until Monday and have limited access to email.'],
];
const AWAY_HEADERS = [
  'Auto-Submitted: auto-replied',
  'Auto-Submitted: auto-replied (vacation)',
  'X-Autoreply: yes',
  'X-Autorespond: Your order',
  'Precedence: auto_reply',
  'Precedence: bulk\nX-Auto-Response-Suppress: All\nAuto-Submitted: auto-generated\nX-Vacation: yes',
] as const;

export function ordinaryMail(count: number, seed: number): OrdinaryMail[] {
  const next = seeded(seed);
  const bounces = readdirSync(TUNING)
    .filter((name) => name.endsWith('.eml') && !name.startsWith('arf') && !name.startsWith('jmrp'))
    .map((name) => readFileSync(join(TUNING, name), 'utf8'));
  const makers = [
    letter,
    quotation,
    inlineForward,
    attachedForward,
    vacation,
    newsletter,
    receipt,
    success,
    notice,
  ];
  return Array.from({ length: count }, (_, index) => {
    const make = makers[index % makers.length] as Maker;
    const { headers, body, kind } = make(next, pick(bounces, next));
    const raw = Buffer.from(`${headers.join('\n')}\n\n${body}\n`.replace(/\r?\n/g, '\r\n'));
    return { name: `${index} ${make.name}`, raw, kind: kind ?? 'other' };
  });
}

type Next = (below: number) => number;
interface Made {
  headers: string[];
  body: string;
  kind?: 'auto_reply';
}
type Maker = (next: Next, bounce: string) => Made;

function pick<Item>(items: readonly Item[], next: Next): Item {
  return items[next(items.length)] as Item;
}

function head(next: Next, more: string[] = []): string[] {
  return [
    `From: ${pick(PEOPLE, next)}`,
    'To: news@sender.example',
    `Subject: ${pick(SUBJECTS, next)}`,
    `Message-ID: <${next(1e9)}@people.example>`,
    'Date: Thu, 05 Mar 2026 10:00:00 +0000',
    ...more,
  ];
}

function letter(next: Next): Made {
  return { headers: head(next), body: `${pick(TALK, next)}\n\n${pick(TALK, next)}` };
}

function quotation(next: Next, bounce: string): Made {
  const quoted = bounce.split(/\r?\n/).map((line) => `> ${line}`);
  const headers = head(next, ['In-Reply-To: <E1@relay.example>', 'References: <E1@relay.example>']);
  return {
    headers,
    body: `${pick(TALK, next)}\n\nOn Thursday, Mail Delivery System wrote:\n${quoted.join('\n')}`,
  };
}

function inlineForward(next: Next, bounce: string): Made {
  return { headers: head(next), body: `FYI\n\n---------- Forwarded message ---------\n${bounce}` };
}

function attachedForward(next: Next, bounce: string): Made {
  const type = pick(['message/rfc822', 'application/octet-stream', 'text/plain'], next);
  return {
    headers: head(next, ['MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="fw"']),
    body: `--fw\nContent-Type: text/plain\n\n${pick(TALK, next)}\n--fw\nContent-Type: ${type}\n\n${bounce}\n--fw--`,
  };
}

function vacation(next: Next): Made {
  const [subject, text] = pick(AWAY, next);
  const path = pick(['<>', '<ann@people.example>'], next);
  const headers = [`Return-Path: ${path}`, ...head(next).filter((line) => !line.startsWith('Subject'))];
  return {
    headers: [...headers, `Subject: ${subject}`, pick(AWAY_HEADERS, next)],
    body: text,
    kind: 'auto_reply',
  };
}

function newsletter(next: Next): Made {
  const from = pick(['postmaster@isp.example', 'Mail Team <postmaster@news.example>'], next);
  const headers = head(next, [
    'List-Id: <news.example>',
    'List-Unsubscribe: <https://news.example/u>',
    'Precedence: bulk',
  ]);
  const subject = pick(['Our monthly figures', 'New webmail', 'Maintenance on Sunday'], next);
  return {
    headers: [
      `From: ${from}`,
      `Subject: ${subject}`,
      ...headers.filter((line) => !/^(From|Subject)/.test(line)),
    ],
    body: `Dear customers,\n\n${pick(TALK, next)}\n\nYours, the postmaster`,
  };
}

/** RFC 8098. */
function receipt(next: Next): Made {
  const how = pick(['displayed', 'deleted'], next);
  return {
    headers: [
      'Return-Path: <>',
      ...head(next, [
        'MIME-Version: 1.0',
        'Content-Type: multipart/report; report-type=disposition-notification; boundary="mdn"',
      ]),
    ],
    body: `--mdn\nContent-Type: text/plain\n\nYour message was ${how}.\n--mdn\nContent-Type: message/disposition-notification\n\nReporting-UA: mua.example\nFinal-Recipient: rfc822;ann@people.example\nOriginal-Message-ID: <orig.1@sender.example>\nDisposition: automatic-action/MDN-sent-automatically; ${how}\n\n--mdn--`,
  };
}

/** A notification of success, as asked for with NOTIFY=SUCCESS (RFC 3461). */
function success(next: Next): Made {
  const action = pick(['delivered', 'relayed', 'expanded'], next);
  return {
    headers: [
      'Return-Path: <>',
      'From: MAILER-DAEMON@relay.example',
      'To: news@sender.example',
      'Subject: Successful Mail Delivery Report',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary="ok"',
    ],
    body: `--ok\nContent-Type: text/plain\n\nThis is the mail system at host relay.example.\n\nYour message was successfully delivered to the destination(s) listed below.\n\n<ann@rcpt.example>: delivery via mx.rcpt.example: 250 2.0.0 Ok\n--ok\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\nFinal-Recipient: rfc822; ann@rcpt.example\nAction: ${action}\nStatus: 2.0.0\n\n--ok--`,
  };
}

/** What programs send about themselves; RFC 3834 calls it auto-generated. */
function notice(next: Next): Made {
  return {
    headers: head(next, ['Auto-Submitted: auto-generated', 'X-Auto-Response-Suppress: All']),
    body: `Ticket 550 was opened.\n\n${pick(TALK, next)}`,
  };
}
