/**
 * The way out through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6) to an address that the guard has checked, never
 * to a name, so that the proxy's own resolver has no say. What comes from the proxy is for the operator; an endpoint's
 * owner is told what happened, but neither where the proxy is nor how to log in to it.
 */

import { isIP, type Socket } from 'node:net';

export interface EgressProxy {
  host: string;
  port: number;
  /** Value of Proxy-Authorization; null = none. */
  authorization: string | null;
}

/** The proxy could not be used, or did not open the way. */
export class EgressProxyError extends Error {
  readonly code = 'POSTRIDER_EGRESS_PROXY';

  constructor(what: string) {
    super(`the egress proxy ${what}`);
    this.name = 'EgressProxyError';
  }
}

const MAX_HEAD_BYTES = 16_384;

/** Reads `publish.egress_proxy`: `http://[user:password@]host:port`. Null when it is something else. */
export function parseEgressProxy(text: string): EgressProxy | null {
  if (!/^http:\/\/[^/?#\s]+\/?$/.test(text) || !URL.canParse(text)) return null;
  const { hostname, port, username, password } = new URL(text);
  // The URL parser drops the port 80, and a proxy without a port is more often a mistake than meant.
  const written = /:(\d+)\/?$/.exec(text)?.[1];
  if (written === undefined || hostname === '' || Number(port || 80) === 0) return null;
  let login: string;
  try {
    login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return null;
  }
  return {
    host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: Number(written),
    authorization: login === ':' ? null : `Basic ${Buffer.from(login).toString('base64')}`,
  };
}

/**
 * Asks for a tunnel on `socket`, which is connected to the proxy. Calls `done` exactly once: without an error, `socket`
 * is the tunnel.
 */
export function openTunnel(
  socket: Socket,
  proxy: EgressProxy,
  target: { address: string; port: number },
  done: (error: Error | null) => void,
): void {
  let head = Buffer.alloc(0);
  const end = (error: Error | null): void => {
    socket.off('readable', read).off('end', closed).off('error', failed);
    done(error);
  };
  const closed = (): void => end(new EgressProxyError('closed the connection instead of opening a tunnel'));
  const failed = (error: Error): void => end(proxyFailure(error));
  const read = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      head = Buffer.concat([head, chunk]);
      const length = head.indexOf('\r\n\r\n');
      if (length >= 0) {
        const extra = head.length > length + 4;
        end(answerProblem(head.subarray(0, length).toString('latin1')) ?? (extra ? tooMuch() : null));
        return;
      }
      if (head.length > MAX_HEAD_BYTES) {
        end(new EgressProxyError(`answered with a head of more than ${MAX_HEAD_BYTES} bytes`));
        return;
      }
    }
  };
  socket.on('readable', read).on('end', closed).on('error', failed);
  socket.write(connectRequest(proxy, target));
}

function connectRequest(proxy: EgressProxy, { address, port }: { address: string; port: number }): string {
  const authority = `${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
  const login = proxy.authorization === null ? '' : `Proxy-Authorization: ${proxy.authorization}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${login}\r\n`;
}

/** Any 2xx opens the tunnel, whatever its headers say about a body (RFC 9110 section 9.3.6). */
function answerProblem(head: string): EgressProxyError | null {
  const status = /^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(head)?.[1];
  if (status === undefined) return new EgressProxyError('gave an answer that is no HTTP');
  if (status.startsWith('2')) return null;
  const hint = status === '407' ? ' (it wants another user name or password in publish.egress_proxy)' : '';
  return new EgressProxyError(`answered ${status}${hint}`);
}

/** Neither TLS nor HTTP lets the far side speak first: what is here already must not be taken for its answer. */
function tooMuch(): EgressProxyError {
  return new EgressProxyError('sent more than the head of its answer');
}

/** What failed on the way to the proxy, without its address. */
export function proxyFailure(error: Error): Error {
  const { code } = error as NodeJS.ErrnoException;
  // Ours: a timeout or a cancellation that was handed to the socket.
  if (error instanceof EgressProxyError || code?.startsWith('POSTRIDER_') === true) return error;
  return new EgressProxyError(`could not be used (${code ?? 'connection failed'})`);
}
