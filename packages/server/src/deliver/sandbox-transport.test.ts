import { describe, expect, it } from 'vitest';
import type { Outcome } from '../domain/outcome.ts';
import { SANDBOX_STORIES, sandboxStory, type SandboxStory } from '../domain/sandbox-story.ts';
import type { MessageContent } from './first-link.ts';
import { SandboxTransport, SLOW_MS } from './sandbox-transport.ts';
import { FakeOutgoing } from './testing/fake-outgoing.ts';

const CONTENT: MessageContent = {
  html: '<a href="https://shop.example/a?x=1&amp;y=2">one</a> <a href="https://shop.example/b">two</a>',
  text: null,
};

function transport(content: MessageContent | null = CONTENT): SandboxTransport {
  return new SandboxTransport({ deferral_seconds: [1, 2], content: async () => content });
}

/** Every outcome of a recipient until it is done with. */
async function story(address: string, content?: MessageContent | null): Promise<Outcome[]> {
  const item = new FakeOutgoing([1]).add(1, address);
  const outcomes: Outcome[] = [];
  for (let attempt = 1; attempt <= 10; attempt++) {
    const outcome = await transport(content).send(item, attempt);
    outcomes.push(outcome);
    if (outcome.kind !== 'deferred' && outcome.kind !== 'later') break;
  }
  return outcomes;
}

/** Outcomes and their follow-ups as one line. */
function told(outcomes: readonly Outcome[]): string {
  return outcomes
    .flatMap((outcome) => [
      outcome.kind,
      ...(outcome.kind === 'delivered' ? (outcome.follow_ups ?? []).map((one) => one.event_type) : []),
    ])
    .join(' ');
}

const EXPECTED: Record<SandboxStory, string> = {
  delivered: 'delivered',
  bounce: 'bounce',
  blocked: 'bounce',
  'mailbox-full': 'deferred deferred soft_bounce',
  'soft-bounce': 'deferred soft_bounce',
  defer: 'deferred deferred delivered',
  slow: 'later delivered',
  unknown: 'deferred delivered',
  complaint: 'delivered complaint',
  open: 'delivered open',
  click: 'delivered open click',
  unsubscribe: 'delivered unsubscribe',
};

describe('sandbox transport', () => {
  it.each(SANDBOX_STORIES)('tells the story of %s', async (name) => {
    expect(told(await story(`${name}@sandbox.test`))).toBe(EXPECTED[name]);
    expect(told(await story(`${name}+tag@sandbox.test`))).toBe(EXPECTED[name]);
  });

  it('answers with the codes of the story', async () => {
    const last = async (name: string): Promise<Outcome | undefined> =>
      (await story(`${name}@sandbox.test`)).at(-1);
    expect(await last('bounce')).toMatchObject({
      smtp_code: 550,
      enhanced_code: '5.1.1',
      bounce_category: 'invalid_email',
      rule: 'sandbox.invalid_email',
      suppress: true,
    });
    expect(await last('blocked')).toMatchObject({
      smtp_code: 550,
      enhanced_code: '5.7.1',
      bounce_category: 'blocked',
      suppress: false,
    });
    expect(await last('mailbox-full')).toMatchObject({
      smtp_code: 452,
      enhanced_code: '4.2.2',
      bounce_category: 'mailbox_full',
    });
    expect(await last('soft-bounce')).toMatchObject({
      smtp_code: 451,
      enhanced_code: '4.3.0',
      bounce_category: 'other',
    });
  });

  it('waits as the settings say, and a minute for slow', async () => {
    const deferred = await story('defer@sandbox.test');
    expect(deferred.map((one) => (one.kind === 'deferred' ? one.retry_after_ms : null))).toEqual([
      1000,
      2000,
      null,
    ]);
    expect((await story('slow@sandbox.test'))[0]).toEqual({ kind: 'later', after_ms: SLOW_MS, counts: true });
  });

  it('says that the outcome is unknown, without a code that nobody sent', async () => {
    expect((await story('unknown@sandbox.test'))[0]).toMatchObject({ unknown: true, smtp_code: null });
  });

  it('clicks the first link of the message, always under the same id', async () => {
    const click = async (content: MessageContent | null): Promise<unknown> => {
      const [outcome] = await story('click@sandbox.test', content);
      return outcome?.kind === 'delivered' ? outcome.follow_ups?.[1]?.data : null;
    };
    const data = await click(CONTENT);
    expect(data).toMatchObject({
      url: 'https://shop.example/a?x=1&y=2',
      machine: false,
      ip: expect.stringMatching(/^203\.0\.113\.\d+$/),
      link_id: expect.stringMatching(/^lnk_[0-9a-f]{26}$/),
    });
    expect(await click(CONTENT)).toEqual(data);
    expect(await click(null)).toMatchObject({ url: 'https://example.com/' });
    expect(await click({ html: '<p>none</p>', text: 'none' })).toMatchObject({ url: 'https://example.com/' });
  });

  it('delivers every address without a story', () => {
    expect(sandboxStory('bounce@example.com')).toBe('delivered');
    expect(sandboxStory('bounce@sub.sandbox.test')).toBe('delivered');
    expect(sandboxStory('nobody@sandbox.test')).toBe('delivered');
    expect(sandboxStory('constructor@sandbox.test')).toBe('delivered');
    expect(sandboxStory('BOUNCE+x+y@Sandbox.Test')).toBe('bounce');
    expect(sandboxStory('"a@b"@sandbox.test')).toBe('delivered');
  });
});
