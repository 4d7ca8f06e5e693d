// The platform's clock: moments are told by it, whatever this machine's clock says.
let aheadMs = 0;

// The header has whole seconds and an answer takes a moment: a smaller difference is none.
const NOTICED_MS = 3_000;

/** Take the `Date` of an answer. */
export function noteServerDate(date: string | null, now: number = Date.now()): void {
  const difference = date === null ? Number.NaN : Date.parse(date) - now;
  if (!Number.isNaN(difference)) aheadMs = Math.abs(difference) > NOTICED_MS ? difference : 0;
}

/** Return what the platform's clock says, in milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + aheadMs;
}
