import { expect, test } from 'vitest';
import type { CurrentSession } from '../api/session';
import { whatIsMissing } from './people-nag';

const SESSION: CurrentSession = {
  kind: 'passkey',
  actor_id: 'per_1',
  name: 'Ada',
  session_id: 'ses_1',
  person_id: 'per_1',
  expires_at: '2026-11-22T10:00:00.000Z',
  idle_minutes: 30,
  may_let_in: true,
  passkeys: 1,
  has_authenticator_app: false,
  recovery_codes_left: 10,
  people_with_passkeys: 2,
  passkeys_here: { is_possible: true, why_not: '', hint: '', hostname: 'localhost' },
  is_demo: false,
  acr: '',
  amr: [],
  is_multi_factor: true,
  is_phishable: false,
  stepped_up_at: null,
  needs_second_admin: false,
};

test('two people with passkeys and recovery codes want nothing', () => {
  expect(whatIsMissing(SESSION)).toBeNull();
});

test('it is urged until there are two people with passkeys', () => {
  expect(whatIsMissing({ ...SESSION, kind: 'link', person_id: null, people_with_passkeys: 0 })?.act).toBe('Register a passkey');
  expect(whatIsMissing({ ...SESSION, people_with_passkeys: 1 })?.act).toBe('Invite a second person');
  expect(whatIsMissing({ ...SESSION, recovery_codes_left: 2 })?.act).toBe('Make new ones');
});

test('a demo urges nobody', () => {
  expect(whatIsMissing({ ...SESSION, people_with_passkeys: 0, is_demo: true })).toBeNull();
});
