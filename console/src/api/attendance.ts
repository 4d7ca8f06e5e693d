// Whether somebody is at this page. An open page keeps asking by itself; that must not keep a session alive for ever.
const ATTENDED_MS = 60_000;
const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'];

let touchedAt = Date.now();

/** What is sent with requests that no person has asked for. */
export const UNATTENDED = { 'X-Vedette-Unattended': '1' };

/** Begin to watch for signs of somebody. */
export function watchAttendance(): void {
  for (const sign of SIGNS)
    document.addEventListener(sign, () => (touchedAt = Date.now()), { capture: true, passive: true });
}

/** Tell whether somebody has been here lately. */
export function isAttended(): boolean {
  return Date.now() - touchedAt < ATTENDED_MS;
}
