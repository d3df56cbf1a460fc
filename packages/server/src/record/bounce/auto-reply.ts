/** Vacation notices and other answers of machines, told by what their makers put in the header. */

import { field, fieldText, type Field } from './header-fields.ts';

/** Fields whose presence says it, unless their value is `no`. */
const MARKS = [
  'x-autoreply',
  'x-autorespond',
  'x-autoresponder',
  'x-auto-reply',
  'x-mail-autoreply',
  'x-autoreply-from',
  'x-autoreply-domain',
  'x-vacation',
  'x-away',
];
const PRECEDENCE = new Set(['auto_reply', 'auto-reply', 'autoreply']);

/**
 * How subjects of automatic answers begin, as Exchange and Outlook, Gmail, iCloud, Thunderbird, Sieve and the webmail
 * of providers write them. Lower case.
 */
const SUBJECTS: readonly string[] = [
  // English
  'automatic reply:',
  'auto reply:',
  'auto-reply:',
  'autoreply:',
  'auto response:',
  'auto-response:',
  'autoresponse:',
  'automatic response:',
  'automated reply:',
  'automated response:',
  'out of office:',
  'out-of-office:',
  'ooo:',
  'out of the office:',
  'out of office reply:',
  'out of office autoreply:',
  'vacation:',
  'auto: ',
  'auto-reply]',
  'autoreply]',
  'auto reply]',
  'away from office:',
  'away from my mail',
  'vacation reply',
  // German
  'automatische antwort',
  'abwesenheitsnotiz',
  'abwesenheit:',
  'abwesend:',
  'nicht im büro',
  'abwesenheitsmeldung',
  // French
  'réponse automatique',
  'reponse automatique',
  'absence du bureau',
  'absent du bureau',
  "message d'absence",
  // Spanish, Portuguese, Italian
  'respuesta automática',
  'respuesta automatica',
  'fuera de la oficina',
  'resposta automática',
  'resposta automatica',
  'fora do escritório',
  'risposta automatica',
  'fuori sede',
  'fuori ufficio',
  'assente dall',
  // Dutch and the North
  'automatisch antwoord',
  'afwezigheidsbericht',
  'automatiskt svar',
  'autosvar',
  'automatisk svar',
  'frånvaro',
  'fraværsmelding',
  'fraværende',
  'automaattinen vastaus',
  'poissaoloviesti',
  // The East
  'automatická odpověď',
  'automatická odpoveď',
  'odpowiedź automatyczna',
  'automatyczna odpowiedź',
  'autoodpowiedź',
  'automatikus válasz',
  'răspuns automat',
  'автоматический ответ',
  'автоответ',
  'автоматична відповідь',
  'автоматичен отговор',
  'samodejni odgovor',
  'automatski odgovor',
  'αυτόματη απάντηση',
  'otomatik yanıt',
  // Asia
  '自動返信',
  '自動応答',
  '不在通知',
  '不在のお知らせ',
  '自动回复',
  '自動回覆',
  '자동 회신',
  '자동회신',
  '부재중',
  'תשובה אוטומטית',
  'الرد التلقائي',
  'رد تلقائي',
  'balasan otomatis',
  'ตอบกลับอัตโนมัติ',
  'trả lời tự động',
  'स्वचालित उत्तर',
];

export function isAutoReply(fields: readonly Field[]): boolean {
  const submitted = field(fields, 'auto-submitted')?.trim().toLowerCase() ?? '';
  // RFC 3834 section 5: auto-generated is a notice that answers nobody.
  if (submitted.startsWith('auto-replied') || submitted.startsWith('auto-notified')) return true;
  if (MARKS.some((name) => isSaid(field(fields, name)))) return true;
  if (PRECEDENCE.has((field(fields, 'precedence') ?? '').trim().toLowerCase())) return true;
  const subject = fieldText(fields, 'subject')
    .toLowerCase()
    .replace(/^[\s[(*<]+/, '');
  return SUBJECTS.some((start) => subject.startsWith(start));
}

function isSaid(value: string | null): boolean {
  return value !== null && value.trim().toLowerCase() !== 'no';
}
