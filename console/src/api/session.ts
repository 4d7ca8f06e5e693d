// Who is logged in here, and the ways in.
import { useQuery } from '@tanstack/react-query';
import { api, type Schemas, take } from './client';
import { makePasskey, usePasskey } from './passkeys';

export type CurrentSession = Schemas['CurrentSessionView'];

export function useSession() {
  return useQuery({ queryKey: ['session'], queryFn: () => take(api.GET('/v1/session')), staleTime: 60_000 });
}

/** Log in with any passkey of this platform. */
export async function logInByPasskey(): Promise<CurrentSession> {
  const { options } = await take(api.POST('/login/passkey/options'));
  const credential = await usePasskey(options);
  return take(api.POST('/login/passkey', { body: { credential } }));
}

/** Log in with a recovery code, which is used up. */
export async function logInByCode(code: string): Promise<CurrentSession> {
  return take(api.POST('/login/recovery', { body: { code } }));
}

/** Log in with a sign-in key and the code that goes with it now. */
export async function logInByApp(key: string, code: string): Promise<CurrentSession> {
  return take(api.POST('/login/totp', { body: { key: key.trim(), code: code.trim() } }));
}

/** Make a passkey and register it: for whoever is logged in, or for a new person by a one-time link. */
export async function registerPasskey(name: string, personName = ''): Promise<Schemas['RegisteredPasskeyView']> {
  const { options } = await take(api.POST('/v1/passkey-options', { body: { person_name: personName } }));
  const credential = await makePasskey(options);
  return take(api.POST('/v1/passkeys', { body: { credential, name, person_name: personName } }));
}

/** Say a browser and its system in a few words where its user agent is a usual one; else what it says of itself. */
export function browserOf(agent: string): string {
  const browser = /(Firefox|Edg|Chrome|Safari)\/[\d.]+/u.exec(agent)?.[1];
  const system = /Windows|Android|iPhone|iPad|Mac|CrOS|Linux/u.exec(agent)?.[0];
  return browser && system ? `${browser === 'Edg' ? 'Edge' : browser} on ${system === 'Mac' ? 'macOS' : system}` : agent;
}
