// What people and programs log in with, in words.
import type { CurrentSession } from '../api/session';

export const HOW: Record<CurrentSession['kind'], string> = {
  token: 'a token',
  link: 'a one-time link',
  passkey: 'a passkey',
  recovery: 'a recovery code',
  oidc: 'single sign-on',
  totp: 'a code of an app',
  cli: 'the command line',
  'service-token': 'a service token',
};
