/** Our own dialect: the whole envelope with `seq`, signed as Standard Webhooks say. */

import type { Dialect } from './dialect.ts';
import { standardSigning } from './standard-signing.ts';

export const postrider: Dialect = {
  ...standardSigning,
  types: null,
  open: true,
  contentType: 'application/json',
  batchContentType: 'application/json',
  body: (envelope, seq, test = false) =>
    `${envelope.slice(0, -1)},"seq":${seq}${test ? ',"test":true' : ''}}`,
};
