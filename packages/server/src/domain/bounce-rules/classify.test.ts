import { describe, expect, test } from 'vitest';
import { classifyBounce, UNKNOWN_RULE } from './classify.ts';
import { comparable, enhancedCode, MAX_TEXT, replyCodes } from './reply.ts';
import { reclassify } from './reclassify.ts';
import type { BounceRuleTable, SmtpStatement } from './rule.ts';
import { SOURCES } from './sources.ts';
import { BOUNCE_RULES } from './table.ts';

function said(text: string, remote?: string): SmtpStatement {
  return { ...replyCodes(text), text, remote: remote ?? null };
}
function verdict(text: string, remote?: string): string {
  const { outcome, category, address_at_fault } = classifyBounce(said(text, remote));
  return `${outcome} ${category}${address_at_fault ? ' at fault' : ''}`;
}

describe('text beats code where servers misuse codes', () => {
  test.each([
    ['550 5.1.1 <a@b.example> Mailbox full, try later', 'soft mailbox_full'],
    ['552 5.2.2 Over quota', 'soft mailbox_full'],
    ['554 5.7.1 Quota exceeded (mailbox for user is full)', 'soft mailbox_full'],
    ['550 5.7.1 <a@b.example>: User unknown', 'hard invalid_email at fault'],
    [
      '554 5.7.1 <a@b.example>: Recipient address rejected: User unknown in virtual mailbox table',
      'hard invalid_email at fault',
    ],
    ['421 4.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org', 'soft blocked'],
    [
      '550 5.2.1 Mailbox unavailable. Your IP address 192.0.2.1 is blacklisted using SPAMHAUS-XBL',
      'hard blocked',
    ],
    ['550 5.1.1 Sender verify failed: unknown user', 'hard policy'],
    ['550 5.1.1 <news@sender.example>: Sender address rejected: User unknown', 'hard policy'],
    ['553 5.1.8 Domain of sender address news@sender.example does not exist', 'hard policy'],
    [
      '450 4.1.1 <a@b.example>: Recipient address rejected: unverified address: user unknown',
      'soft invalid_email',
    ],
    ['554 5.7.1 Message exceeded hourly rate limit', 'soft rate_limited'],
    [
      '421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.',
      'hard blocked',
    ],
    ['550 Too many invalid recipients', 'hard blocked'],
    ['500 5.5.1 Command not recognized', 'hard other'],
  ])('%s: %s', (text, expected) => expect(verdict(text)).toBe(expected));
});

describe('each category', () => {
  test.each([
    ['550 5.1.1 No such user', 'hard invalid_email at fault'],
    [
      '550 5.4.4 Host or domain name not found. Name service error for name=x.example type=A: Host not found',
      'hard domain_not_found at fault',
    ],
    ['556 5.1.10 Recipient address has null MX', 'hard domain_not_found at fault'],
    ['452 4.2.2 Over quota', 'soft mailbox_full'],
    ['552 5.3.4 Message size exceeds fixed maximum message size: 10485760', 'hard message_too_large'],
    ['554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.spamcop.net', 'hard blocked'],
    ['550 5.7.1 This message looks like spam', 'hard spam'],
    [
      "550 5.7.26 Unauthenticated email from sender.example is not accepted due to domain's DMARC policy",
      'hard auth_failure',
    ],
    ['550 5.7.23 SPF validation failed', 'hard auth_failure'],
    ['550 5.7.1 Rejected by local policy', 'hard policy'],
    ['552 5.7.0 Our system detected an illegal attachment on your message', 'hard content'],
    ['450 4.2.1 The user you are trying to contact is receiving mail too quickly', 'soft rate_limited'],
    ['554 5.7.1 Relay access denied', 'hard relay_denied'],
    ['550 5.2.1 The email account that you tried to reach is disabled', 'hard suspended at fault'],
    ['451 4.4.1 Connection refused', 'soft network'],
    ['450 4.7.0 Greylisted, please come back later', 'soft policy'],
    ['554 5.4.7 Delivery time expired', 'soft timeout'],
    ['451 4.3.0 Please try again', 'soft other'],
    ['550 Something else', 'hard other'],
  ])('%s: %s', (text, expected) => expect(verdict(text)).toBe(expected));

  test('the codes of a provider mean what the provider says', () => {
    const text = '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)';
    expect(classifyBounce(said(text)).rule).toBe('microsoft.edge_unknown');
    const ip = '550 SC-001 (BAY004) Unfortunately, messages from 192.0.2.1 were not sent';
    expect(classifyBounce(said(ip, 'mx1.hotmail.com')).rule).toBe('microsoft.banned_text');
    expect(classifyBounce(said(ip, 'mx.elsewhere.example')).rule).toBe(UNKNOWN_RULE);
    expect(verdict('550 Mailbox not found', 'mx1.qq.com')).toBe('hard invalid_email at fault');
  });
  test('without any code, a report is final and a session is not', () => {
    const nothing = { smtp_code: null, enhanced_code: null, text: 'no idea' };
    expect(classifyBounce(nothing).outcome).toBe('soft');
    expect(classifyBounce({ ...nothing, given_up: true }).outcome).toBe('hard');
  });
});

describe('the table', () => {
  const { rules, version } = BOUNCE_RULES;
  const lists = rules.flatMap((rule) => [rule.text, rule.also, rule.never].flatMap((list) => list ?? []));

  test('names each rule once, with a source, and every source is used', () => {
    expect(version).toMatch(/^\d{4}-\d\d-\d\d\.\d+$/);
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    expect(new Set(rules.map(({ source }) => source))).toEqual(new Set(Object.keys(SOURCES)));
    for (const { id } of rules) expect(id).toMatch(/^[a-z0-9]+(\.[a-z0-9_]+)+$/);
  });
  test('has phrases that can match: in the form that texts are compared in', () => {
    for (const phrase of lists) expect(comparable(` ${phrase} `), phrase).toBe(phrase);
    // One of Han or Hangul says as much as a word.
    for (const phrase of lists) expect(Buffer.byteLength(phrase), phrase).toBeGreaterThan(3);
  });
  test('can be stored and read back as data', () => {
    const copy = JSON.parse(JSON.stringify(BOUNCE_RULES)) as BounceRuleTable;
    const text = '550 5.1.1 User unknown';
    expect(classifyBounce(said(text), copy)).toEqual(classifyBounce(said(text)));
  });
  test('blames the address for nothing but an address, a domain or an account that is gone', () => {
    for (const { id, category, address_at_fault, outcome } of rules) {
      if (address_at_fault !== true) continue;
      expect(['invalid_email', 'domain_not_found', 'suspended'], id).toContain(category);
      // Only a reply of class 5, or a report that mail was given up, may suppress.
      expect(outcome, id).toBeUndefined();
    }
  });
  test('never blames the address when a block list is named, whatever else is said', () => {
    for (const phrase of rules.find(({ id }) => id === 'text.blocklist')?.text ?? [])
      for (const beside of [
        'mailbox unavailable',
        'user unknown',
        'no such user here',
        'account is disabled',
      ])
        expect(classifyBounce(said(`550 5.1.1 ${beside}; ${phrase}`)).address_at_fault, phrase).toBe(false);
  });
  test('takes linear time on any text', () => {
    for (const text of [
      'a@'.repeat(5e6),
      '550-'.repeat(5e6),
      ' '.repeat(2e7),
      '5.1.'.repeat(5e6),
      '<'.repeat(1e7),
    ]) {
      const before = process.cpuUsage();
      classifyBounce(said(text));
      expect(process.cpuUsage(before).user / 1000).toBeLessThan(200);
    }
  });
});

describe('replies', () => {
  test.each([
    ['550 5.1.1 <a@b.example>... User unknown', 550, '5.1.1'],
    ['550-5.1.1 The email account\n550 5.1.1 does not exist', 550, '5.1.1'],
    ['#5.1.0 Address rejected', null, '5.1.0'],
    ['host mx.b.example[192.0.2.5] said: 554 5.7.1 no (in reply to RCPT TO command)', 554, '5.7.1'],
    ['connect to mx.b.example[192.0.2.550]:25: Connection refused', null, null],
    ['192.0.2.1 is listed', null, null],
    ['The error that the other server returned was: 550 550 5.1.1 User unknown (state 14)', 550, '5.1.1'],
    ['', null, null],
  ])('%j', (text, smtp_code, enhanced_code) =>
    expect(replyCodes(text)).toEqual({ smtp_code, enhanced_code }),
  );
  test('a Status field may have a remark', () => {
    expect(enhancedCode('4.4.7 (delivery time expired)')).toBe('4.4.7');
    expect(enhancedCode('5.01.1')).toBe('5.1.1');
    expect(enhancedCode('550')).toBeNull();
    expect(enhancedCode(null)).toBeNull();
  });
  test('what a mailbox is called says nothing about it', () => {
    expect(comparable('550 <spam.virus@block-list.example>: go away')).toBe('550 <>: go away');
    expect(verdict('550 5.1.1 <blacklist@spam.example> User unknown')).toBe('hard invalid_email at fault');
    expect(comparable('x'.repeat(1e6))).toHaveLength(MAX_TEXT);
  });
});

test('another version of the table: what would change, and only that', () => {
  const history = [
    { ...said('550 5.1.1 User unknown'), event_id: 'evt_1' },
    { ...said('550 5.7.1 Lucky rules apply'), event_id: 'evt_2' },
    { ...said('452 4.2.2 Over quota'), event_id: 'evt_3' },
  ];
  const next: BounceRuleTable = {
    version: '2030-01-01.1',
    rules: [
      { id: 'test.lucky', category: 'spam', text: ['lucky rules'], source: 'rfc3463' },
      {
        id: 'test.quota',
        category: 'mailbox_full',
        outcome: 'soft',
        text: ['over quota'],
        source: 'rfc3463',
      },
      ...BOUNCE_RULES.rules,
    ],
  };
  const changes = [...reclassify(history, BOUNCE_RULES, next)];
  expect(changes.map(({ item, differs }) => [item.event_id, differs])).toEqual([
    ['evt_2', ['category', 'rule']],
    ['evt_3', ['rule']],
  ]);
  expect(changes[0]).toMatchObject({
    before: { category: 'policy' },
    after: { category: 'spam', rule: 'test.lucky' },
  });
  expect([...reclassify(history, BOUNCE_RULES, BOUNCE_RULES)]).toEqual([]);
});
