// Acts that ask for more than a session: that the person is still there, or their signature over that very act. The
// browser asks for the passkey, and the request is made again.
import { toBase64Url, usePasskey } from './passkeys';

const STEP_UP = 'operators.step_up_needed';
const SIGNATURE = 'operators.signature_needed';
// A step up, then a signature, and no more.
const TIMES_MAX = 2;

export const OWN = { 'X-Requested-With': 'vedette-console' };

/** What the browser asks for a passkey for. */
export interface Proof {
  kind: 'presence' | 'signature';
  method: string;
  path: string;
}

const watchers = new Set<(proof: Proof | null) => void>();

/** Call back when a proof is asked for, and with null when it was given or not. */
export function onProof(watcher: (proof: Proof | null) => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Say what is asked for while it is. */
async function explained<T>(kind: Proof['kind'], request: Request, ask: () => Promise<T>): Promise<T> {
  const tell = (proof: Proof | null) => {
    for (const watcher of watchers) watcher(proof);
  };
  tell({ kind, method: request.method, path: new URL(request.url).pathname });
  try {
    return await ask();
  } finally {
    tell(null);
  }
}

/** Make a request; where the platform asks for a proof by passkey, give it and make the request once more. */
export async function confirmingFetch(request: Request, times = TIMES_MAX): Promise<Response> {
  const again = request.method === 'GET' || times === 0 ? null : request.clone();
  const response = await fetch(request);
  if (!again || response.status !== 403) return response;
  const code = await codeOf(response.clone());
  if (code === STEP_UP) {
    await explained('presence', again, stepUp);
    return confirmingFetch(again, times - 1);
  }
  if (code === SIGNATURE) {
    const assertion = await explained('signature', again, () => sign(again.clone()));
    const signed = new Request(again);
    signed.headers.set('Vedette-Act-Assertion', assertion);
    return confirmingFetch(signed, times - 1);
  }
  return response;
}

/** Give a proof that the person is there, for what only reads; the request is made again by whoever wants it. */
export async function provePresence(method: string, path: string): Promise<void> {
  await explained('presence', new Request(path, { method }), stepUp);
}

async function stepUp(): Promise<void> {
  const { options } = await ask('/login/step-up/options');
  await ask('/login/step-up', { credential: await usePasskey(options) });
}

async function codeOf(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => null);
  return String((problem as { code?: unknown } | null)?.code ?? '');
}

/** Return what the header holds: the passkey's answer over method, path and body of the request. */
async function sign(request: Request): Promise<string> {
  const { pathname, search } = new URL(request.url);
  const body_sha256 = await sha256(await request.arrayBuffer());
  const { nonce, options } = await ask('/v1/acts', { method: request.method, path: pathname + search, body_sha256 });
  const credential = await usePasskey(options);
  return toBase64Url(new TextEncoder().encode(JSON.stringify({ nonce, credential })).buffer);
}

async function sha256(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

interface Answer {
  nonce: string;
  options: { [key: string]: unknown };
}

async function ask(path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { ...OWN, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const told: unknown = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(told as Partial<Record<string, string>>, response.status);
  return told as Answer;
}

/** The platform does not take the proof. */
export class Refused extends Error {
  constructor(
    readonly told: Partial<Record<string, string>>,
    readonly status: number,
  ) {
    super(told.detail ?? `The platform answered ${status}.`);
  }
}
