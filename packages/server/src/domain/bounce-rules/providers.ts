/** Who runs a mail server, by the end of its host name. Only where the same words mean different things. */

export const PROVIDERS = {
  google: ['google.com', 'googlemail.com', 'gmail.com'],
  microsoft: ['protection.outlook.com', 'mx.microsoft', 'hotmail.com', 'prod.outlook.com', 'outlook.com'],
  yahoo: ['yahoodns.net', 'yahoo.com', 'yahoo.co.jp', 'aol.com'],
  apple: ['icloud.com', 'mail.me.com', 'mac.com'],
  gmx: [
    'gmx.net',
    'gmx.com',
    'web.de',
    'kundenserver.de',
    'perfora.net',
    'mail.com',
    '1and1.com',
    'ionos.de',
  ],
  tonline: ['t-online.de'],
  comcast: ['comcast.net'],
  mailru: ['mail.ru'],
  yandex: ['yandex.ru', 'yandex.net', 'yandex.com'],
  qq: ['qq.com'],
  netease: ['163.com', '126.com', 'netease.com', 'yeah.net'],
  orange: ['orange.fr', 'wanadoo.fr'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type ProviderId = keyof typeof PROVIDERS;

/** `host` as it stands in reports: with a trailing dot, an address or a remark behind it. */
export function isOf(provider: ProviderId, host: string): boolean {
  const name = (/^[^\s([;]+/.exec(host.trim().toLowerCase())?.[0] ?? '').replace(/\.$/, '');
  return PROVIDERS[provider].some((end) => name === end || name.endsWith(`.${end}`));
}
