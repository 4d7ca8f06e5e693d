// A capture on its way to the platform: in parts, so that it is told how far it is, and goes on where it broke off.
import { ApiError, api, type Schemas, take } from './client';

export type Capture = Schemas['CaptureView'];

const TRIES = 6;
const PAUSE_MS = 1_000;
const WRONG_OFFSET = 'network.wrong_offset';

export interface Wanted {
  site: string;
  is_taken_in: boolean;
  is_kept: boolean;
}

/** Return the upload of the very same file that was not finished, if there is one. */
export function unfinished(captures: readonly Capture[], file: { name: string; size: number }, wanted: Wanted): Capture | undefined {
  return captures.find(
    (each) =>
      each.state === 'receiving' &&
      each.name === file.name &&
      each.size_bytes === file.size &&
      each.site === wanted.site &&
      each.is_taken_in === wanted.is_taken_in &&
      each.is_kept === wanted.is_kept,
  );
}

/** Tell whether it helps to try again: nobody answered, or the platform knows better how far it is. */
export function isPassing(problem: unknown): boolean {
  if (!(problem instanceof ApiError)) return false;
  const { status, code } = problem.problem;
  return status === 0 || status === 502 || status === 503 || status === 504 || code === WRONG_OFFSET;
}

/** Begin an upload, or take up one that broke off. */
export async function begin(file: File, wanted: Wanted): Promise<Capture> {
  const known = await take(api.GET('/v1/captures', { params: { query: { state: 'receiving' } } }));
  const body = { name: file.name, size_bytes: file.size, ...wanted };
  return unfinished(known.items, file, wanted) ?? take(api.POST('/v1/captures', { body }));
}

/** Send what is missing; ends early, as it stands, when nobody wants it any more. */
export async function send(file: Blob, begun: Capture, onProgress: (capture: Capture) => void, signal: AbortSignal): Promise<Capture> {
  const path = { capture_id: begun.capture_id };
  let capture = begun;
  let tries = 0;
  while (capture.state === 'receiving' && !signal.aborted) {
    const offset = capture.received_bytes;
    const part = file.slice(offset, offset + capture.part_max_bytes);
    try {
      capture = await take(
        api.PUT('/v1/captures/{capture_id}/content', {
          params: { path, query: { offset } },
          body: part as unknown as string,
          bodySerializer: (body) => body as unknown as BodyInit,
          headers: { 'Content-Type': 'application/octet-stream' },
          signal,
        }),
      );
      tries = 0;
    } catch (problem) {
      tries += 1;
      if (signal.aborted) return capture;
      if (tries >= TRIES || !isPassing(problem)) throw problem;
      await new Promise((resume) => setTimeout(resume, PAUSE_MS * tries));
      capture = await take(api.GET('/v1/captures/{capture_id}', { params: { path } })).catch(() => capture);
    }
    onProgress(capture);
  }
  return capture;
}
