import { describe, expect, it } from 'vitest';
import { AddressRules } from './address.ts';
import { HOSTILE_ADDRESSES } from './testing/hostile-addresses.ts';
import { urlProblem } from './url-rules.ts';

const production = new AddressRules({ loopback: false, allow: [] });
const development = new AddressRules({ loopback: true, allow: [] });

describe('urlProblem in production', () => {
  const policy = { plainHttpOnLoopback: false, maxBytes: 200 };
  const judge = (url: string): string | null => urlProblem(url, policy, production);

  it.each([
    ...HOSTILE_ADDRESSES.filter((a) => !a.includes('%')).map(
      (a) => `https://${a.includes(':') ? `[${a}]` : a}/hook`,
    ),
    // The same addresses in forms a URL parser understands.
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://127.0.0.1./',
    'https://①②⑦.0.0.1/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[::FFFF:8.8.8.8]/',
    'https://017700000001/',
    'https://00000000000000000177.0.0.1/',
    'https://0x7f.0x0.0x0.0x1/',
    'https://1.1/',
    'https://256.256.256.256/',
    'https://1.2.3.4.5/',
    'https://0xa9fea9fe/',
    'https://2852039166/',
    'https://[fe80::1%25eth0]/',
    'https://[::1%lo]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://169.254.169.254./',
    'https://127。0。0。1/',
    'https://127%2e0%2e0%2e1/',
    // Homographs of localhost: full-width, circled, with a soft hyphen, with a Kelvin-like letter.
    'https://ｌｏｃａｌｈｏｓｔ/',
    'https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
    'https://local\u00adhost/',
    'https://l\u043ecalhost/',
    'https://localho\u017ft/',
    'https://xn--lcalhost-64f/',
    // Names that mean this machine or this network.
    'https://localhost./',
    'https://localhost.localdomain/',
    'https://ip6-localhost/',
    'https://metadata/',
    'https://instance-data.ec2.internal/',
    'https://kubernetes.default.svc.cluster.local/',
    'https://hidden.onion/',
    'https://1.0.0.127.in-addr.arpa/',
    'https://localhost/',
    'https://LOCALHOST/',
    'https://app.localhost/',
    'https://metadata.google.internal/',
    'https://printer.local/',
    'https://router.home.arpa/',
    'https://intranet/',
    // Shapes.
    'http://example.com/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https:/example.com/',
    'https:example.com',
    '//example.com/',
    'example.com',
    '',
    'https://',
    'https://user@example.com/',
    'https://user:pass@example.com/',
    'https://@example.com/',
    'https://example.com@127.0.0.1/',
    'https://example.com/#fragment',
    'https://example.com/#',
    'https://EXAMPLE.com/',
    'https://exam%70le.com/',
    'https://example.com.',
    'https://bücher.example/',
    'https://example.com\\@127.0.0.1/',
    'https://example.com/a b',
    'https://example.com/\r\nX: y',
    'https://exa\tmple.com/',
    'https://example.com/\0',
    'https://example.com/é',
    'https://-example.com/',
    `https://example.com/${'a'.repeat(200)}`,
    `https://${'a'.repeat(64)}.com/`,
    // Ports.
    'https://example.com:0/',
    'https://example.com:25/',
    'https://example.com:6379/',
    'https://example.com:22/',
    'https://example.com:65536/',
    'https://example.com:-1/',
  ])('refuses %j', (url) => {
    expect(judge(url)).not.toBeNull();
  });
  it.each([
    'https://example.com',
    'https://example.com/',
    'https://example.com/hook?tenant=1&x=%20',
    'https://example.com:8443/hook',
    'https://xn--bcher-kva.example/',
    'https://a_b.example.com/',
    'https://93.184.216.34/hook',
    'https://[2606:4700:4700::1111]/hook',
    'https://example.com:443/',
  ])('takes %j', (url) => {
    expect(judge(url)).toBeNull();
  });
});

describe('urlProblem with private networks allowed', () => {
  const rules = new AddressRules({ loopback: false, allow: ['10.20.0.0/16'] });
  const judge = (url: string): string | null =>
    urlProblem(url, { plainHttpOnLoopback: false, maxBytes: 200 }, rules);

  it.each(['https://10.20.1.1/', 'https://hooks.prod.internal/', 'https://printer.local/'])(
    'takes %j',
    (url) => {
      expect(judge(url)).toBeNull();
    },
  );
  it.each([
    'https://10.21.1.1/',
    'https://localhost/',
    'https://app.localhost/',
    'https://localhost.localdomain/',
    'https://intranet/',
    'http://hooks.prod.internal/',
  ])('refuses %j', (url) => {
    expect(judge(url)).not.toBeNull();
  });
});

describe('urlProblem in development', () => {
  const policy = { plainHttpOnLoopback: true, maxBytes: 2048 };

  it.each(['http://127.0.0.1:8080/', 'http://localhost:3000/x', 'http://[::1]:8080/', 'https://localhost/'])(
    'takes %j',
    (url) => {
      expect(urlProblem(url, policy, development)).toBeNull();
    },
  );
  it.each([
    'http://example.com/',
    'http://10.0.0.1/',
    'http://0.0.0.0/',
    'https://192.168.0.1/',
    'http://127.1/',
  ])('refuses %j', (url) => {
    expect(urlProblem(url, policy, development)).not.toBeNull();
  });
});
