// Server-sent events over fetch: any event name, resumed by the last id, tried again with longer pauses.
import { useEffect, useRef, useState } from 'react';
import { UNATTENDED } from './attendance';

export type StreamState = 'connecting' | 'live' | 'waiting';

export interface StreamEvent {
  name: string;
  id: string;
  data: string;
}

const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;
const BATCH_MS = 100;
const HIDDEN_MS = 1_000;

/** Cut text into events; keeps what is not complete yet. Source: WHATWG HTML, "Server-sent events". */
export class StreamReader {
  private rest = '';

  /** Take more text and return the events that it completes. */
  take(text: string): StreamEvent[] {
    this.rest = (this.rest + text).replaceAll('\r\n', '\n');
    const blocks = this.rest.split('\n\n');
    this.rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => {
      const event: StreamEvent = { name: 'message', id: '', data: '' };
      const data: string[] = [];
      for (const line of block.split('\n')) {
        const at = line.indexOf(':');
        const field = at < 0 ? line : line.slice(0, at);
        const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /u, '');
        if (field === 'data') data.push(value);
        else if (field === 'event') event.name = value;
        else if (field === 'id') event.id = value;
      }
      return data.length ? [{ ...event, data: data.join('\n') }] : [];
    });
  }
}

async function follow(url: string, lastId: string, signal: AbortSignal, onOpen: () => void, take: (event: StreamEvent) => void) {
  const headers: Record<string, string> = { Accept: 'text/event-stream', ...UNATTENDED };
  if (lastId) headers['Last-Event-ID'] = lastId;
  const response = await fetch(url, { headers, signal });
  if (!response.ok || !response.body) throw new Error(String(response.status));
  onOpen();
  const reader = new StreamReader();
  const chunks = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await chunks.read();
    if (done) return;
    for (const event of reader.take(value)) take(event);
  }
}

/**
 * Follow a stream while the component is shown; `url` null: do not.
 *
 * Events come in batches, a few a second: 200 a second cost ten renders and not 200, and nobody reads faster.
 */
export function useStream(url: string | null, take: (batch: StreamEvent[]) => void): StreamState {
  const [state, setState] = useState<StreamState>('connecting');
  const taker = useRef(take);
  taker.current = take;
  useEffect(() => {
    if (url === null) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let flushing = 0;
    let lastId = '';
    let waitMs = SHORTEST_MS;
    let batch: StreamEvent[] = [];
    const flush = () => {
      flushing = 0;
      const full = batch;
      batch = [];
      taker.current(full);
    };
    const run = () => {
      follow(
        url,
        lastId,
        stop.signal,
        () => {
          waitMs = SHORTEST_MS;
          setState('live');
        },
        (event) => {
          if (event.id) lastId = event.id;
          batch.push(event);
          flushing ||= window.setTimeout(flush, document.hidden ? HIDDEN_MS : BATCH_MS);
        },
      )
        .catch(() => undefined)
        .then(() => {
          if (stop.signal.aborted) return;
          setState('waiting');
          timer = setTimeout(run, waitMs * (0.8 + Math.random() * 0.4));
          waitMs = Math.min(waitMs * 2, LONGEST_MS);
        });
    };
    run();
    return () => {
      stop.abort();
      clearTimeout(timer);
      clearTimeout(flushing);
    };
  }, [url]);
  return state;
}
