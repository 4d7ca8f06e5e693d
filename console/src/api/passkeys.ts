// Passkeys: what the browser is asked, in the standard's JSON form, and what it answers.
import { ApiError } from './problem';
import type { components } from './schema';

const DECODED = ['challenge', 'user.id', 'excludeCredentials.*.id', 'allowCredentials.*.id'];

type Schemas = components['schemas'];
type Json = { [key: string]: unknown };

/** Decode base64url. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/** Encode base64url, without padding. */
export function toBase64Url(bytes: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Return options with their binary members decoded. */
export function decodeOptions(options: Json): Json {
  const decode = (value: unknown, path: string): unknown => {
    if (DECODED.includes(path)) return fromBase64Url(String(value));
    if (Array.isArray(value)) return value.map((each) => decode(each, `${path}.*`));
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, decode(inner, path ? `${path}.${key}` : key)]),
      );
    return value;
  };
  return decode(options, '') as Json;
}

/** Say why this browser can use no passkey on this page; empty when it can. */
export function whyNoPasskeys(): string {
  if (/^[\d.]+$|^\[/u.test(window.location.hostname))
    return `Browsers have no passkeys for IP addresses, and this page was opened as ${window.location.hostname}. Open it by the platform’s name.`;
  if (!window.isSecureContext) return 'Browsers use passkeys on pages over TLS (https) and on localhost only.';
  if (!('PublicKeyCredential' in window)) return 'This browser does not know passkeys.';
  return '';
}

/** Have an authenticator make a passkey. */
export async function makePasskey(options: Json): Promise<Schemas['NewCredentialJson']> {
  const made = await asked(() =>
    navigator.credentials.create({ publicKey: decodeOptions(options) as unknown as PublicKeyCredentialCreationOptions }),
  );
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    id: made.id,
    rawId: toBase64Url(made.rawId),
    type: 'public-key',
    response: {
      clientDataJSON: toBase64Url(response.clientDataJSON),
      attestationObject: toBase64Url(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  };
}

/** Have an authenticator prove that it holds a passkey. */
export async function usePasskey(options: Json): Promise<Schemas['LoginCredentialJson']> {
  const said = await asked(() =>
    navigator.credentials.get({ publicKey: decodeOptions(options) as unknown as PublicKeyCredentialRequestOptions }),
  );
  const response = said.response as AuthenticatorAssertionResponse;
  return {
    id: said.id,
    rawId: toBase64Url(said.rawId),
    type: 'public-key',
    response: {
      clientDataJSON: toBase64Url(response.clientDataJSON),
      authenticatorData: toBase64Url(response.authenticatorData),
      signature: toBase64Url(response.signature),
      userHandle: response.userHandle ? toBase64Url(response.userHandle) : null,
    },
  };
}

async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let answer: Credential | null;
  try {
    answer = await ask();
  } catch (error) {
    throw told(error instanceof DOMException ? error.name : '');
  }
  if (!(answer instanceof PublicKeyCredential)) throw told('');
  return answer;
}

const TOLD: Record<string, [string, string]> = {
  NotAllowedError: ['The browser was not given a passkey.', 'It was cancelled, took too long, or there is none for this platform: try again.'],
  InvalidStateError: ['This authenticator holds a passkey for you already.', 'Use another one, or log in with it.'],
  SecurityError: ['The browser uses no passkey on this page.', 'Open it by the platform’s name, over TLS or on localhost.'],
};

function told(name: string): ApiError {
  const [detail, hint] = TOLD[name] ?? ['The browser could not use a passkey.', 'Try again, or another way in.'];
  return new ApiError({ title: 'No passkey', status: 0, code: 'console.no_passkey', detail, hint });
}
