// The checks of a connection, in the order in which they are made, and which of them each reason belongs to.
export const CHECKS = [
  { id: 'protocol', title: 'Speaks the protocol', about: 'TLS, MQTT, topics, sizes and rates are within the rules' },
  { id: 'fresh', title: 'Can be decided', about: 'records are fresh, and there is room' },
  { id: 'known', title: 'Is known', about: 'the identity is registered here' },
  { id: 'allowed', title: 'May take part', about: 'enabled, not blocked, quarantined or retired' },
  { id: 'credential', title: 'Shows a permitted credential', about: 'its certificate or key is one of this identity' },
  { id: 'valid', title: 'The credential is valid now', about: 'begun, not ended, not revoked' },
  { id: 'policy', title: 'A policy permits it', about: 'and none forbids it' },
  { id: 'unique', title: 'Is in one place', about: 'nobody else uses the identity at the same time' },
] as const;

export type Check = (typeof CHECKS)[number]['id'];

const BY_REASON: Record<string, Check> = {
  unknown_identity: 'known',
  wrong_id_scope: 'known',
  stale_posture: 'fresh',
  record_expired: 'fresh',
  record_invalid: 'fresh',
  untrusted_answer: 'fresh',
  overloaded: 'fresh',
  disabled: 'allowed',
  blocked: 'allowed',
  quarantined: 'allowed',
  not_onboarded: 'allowed',
  retired: 'allowed',
  certificate_missing: 'credential',
  certificate_not_permitted: 'credential',
  token_invalid: 'credential',
  token_wrong_scope: 'credential',
  symmetric_key_not_permitted: 'credential',
  certificate_expired: 'valid',
  certificate_not_yet_valid: 'valid',
  token_expired: 'valid',
  policy_denied: 'policy',
  policy_error: 'policy',
  takeover_damped: 'unique',
};

/** Return the check that a reason failed; what is not named here broke a rule of the protocol. */
export function checkOf(reason: string): Check {
  return BY_REASON[reason] ?? 'protocol';
}
