/** The providers whose webhooks can be verified and read, by name. The table of their event types: docs/providers.md. */

import { amazonSes } from './amazon-ses.ts';
import { brevo } from './brevo.ts';
import { mailersend } from './mailersend.ts';
import { mailgun } from './mailgun.ts';
import { mailjet } from './mailjet.ts';
import { mailtrap } from './mailtrap.ts';
import { mandrill } from './mandrill.ts';
import { postal } from './postal.ts';
import { postmark } from './postmark.ts';
import type { Provider, ProviderName } from './provider.ts';
import { resend } from './resend.ts';
import { scaleway } from './scaleway.ts';
import { sendgrid } from './sendgrid.ts';
import { sparkpost } from './sparkpost.ts';
import { unisenderGo } from './unisender-go.ts';

export const PROVIDERS: Readonly<Record<ProviderName, Provider>> = {
  amazon_ses: amazonSes,
  sendgrid,
  mailgun,
  postmark,
  resend,
  sparkpost,
  brevo,
  mailjet,
  mandrill,
  mailersend,
  mailtrap,
  scaleway,
  postal,
  unisender_go: unisenderGo,
};
