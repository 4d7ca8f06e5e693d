// Text from devices, makers and other people, made harmless to look at: what cannot be seen, or would move other text,
// is shown by its code point.
const INVISIBLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]/gu;

/** Return text with each invisible or direction-changing character written as `⟨U+202E⟩`. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (one) => `⟨U+${one.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/**
 * Quote one argument for a shell; plain words stay as they are.
 *
 * What cannot be seen is written by its bytes, `$'\x1b'`: pasted as it is, a control character could end the line and
 * have the rest of it run as a command.
 */
export function shellQuote(text: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/u.test(text)) return text;
  if (visible(text) === text) return `'${text.replaceAll("'", `'\\''`)}'`;
  const bytes = (one: string) =>
    [...new TextEncoder().encode(one)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  return `$'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replace(INVISIBLE, bytes)}'`;
}

/** Write JSON on one line, with what cannot be seen as `\u202e`. */
export function plainJson(value: unknown): string {
  return escapeUnseen(JSON.stringify(value) ?? 'null');
}

function escapeUnseen(json: string): string {
  return json.replace(INVISIBLE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Write JSON on many lines, with what cannot be seen as `\u202e`; it reads back as the same. */
export function prettyJson(value: unknown): string {
  return (JSON.stringify(value, null, 2) ?? 'null').split('\n').map(escapeUnseen).join('\n');
}

/** Quote a text for a query. */
export function queryText(text: string): string {
  return `'${escapeUnseen(text.replaceAll('\\', '\\\\').replaceAll("'", "\\'"))}'`;
}

/** Quote one cell for CSV: a leading sign of a formula is disarmed as spreadsheets need it. */
export function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/u.test(text) ? `'${text}` : text;
  return /[",\r\n]/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const UNITS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, 'second'],
  [60, 'minute'],
  [24, 'hour'],
  [30, 'day'],
  [12, 'month'],
  [Number.POSITIVE_INFINITY, 'year'],
];
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

// Clocks differ a little, and an answer takes a moment: what is just ahead is now.
const NOW_S = 5;

/** Say how far a moment is from now, such as `3 minutes ago`. */
export function ago(moment: string, now: number = Date.now()): string {
  let distance = (Date.parse(moment) - now) / 1000;
  if (distance > 0 && distance < NOW_S) distance = 0;
  for (const [size, unit] of UNITS) {
    if (Math.abs(distance) < size) return RELATIVE.format(Math.round(distance), unit);
    distance /= size;
  }
  return moment;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

/** Say a moment of today by the clock on the wall, such as `15:42:33.518`. */
export function clockTime(ms: number): string {
  return CLOCK.format(ms);
}

const GENERATED = /^([a-z]{2,4})_[0-9a-v]{26}$/u;
const KINDS: Record<string, string> = {
  dev: 'the device',
  mod: 'the module',
  per: 'a person',
  ses: 'a session',
  lnk: 'a login link',
};

/** Name an actor or target for people: a generated id says nothing, its kind does. */
export function called(id: string): string {
  const bare = id.includes(':') ? id.slice(id.indexOf(':') + 1) : id;
  const prefix = GENERATED.exec(bare)?.[1];
  return prefix === undefined ? id : (KINDS[prefix] ?? `${bare.slice(0, 10)}…`);
}

/** Say who acted: a person by the name they had then, others by what they are. */
export function actorName(actor: { id: string; name?: string; kind?: string }): string {
  return actor.name || (actor.kind === 'system' ? 'the platform' : called(actor.id));
}
