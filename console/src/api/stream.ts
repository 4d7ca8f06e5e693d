// Server-sent events over fetch: any event name, resumed by the last id, tried again with longer pauses.
import { useEffect, useRef, useState } from 'react';

export type StreamState = 'connecting' | 'live' | 'waiting';

export interface StreamEvent {
  name: string;
  id: string;
  data: string;
}

const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;

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
  const headers: Record<string, string> = { Accept: 'text/event-stream' };
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
 * Events come in batches, once each frame, so that 200 a second cost one render and not 200.
 */
export function useStream(url: string | null, take: (batch: StreamEvent[]) => void): StreamState {
  const [state, setState] = useState<StreamState>('connecting');
  const taker = useRef(take);
  taker.current = take;
  useEffect(() => {
    if (url === null) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let frame = 0;
    let lastId = '';
    let waitMs = SHORTEST_MS;
    let batch: StreamEvent[] = [];
    const flush = () => {
      frame = 0;
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
          // A hidden page draws nothing: frames do not come, so a timer empties the batch as well.
          frame ||= document.hidden ? window.setTimeout(flush, 1000) : requestAnimationFrame(flush);
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
      cancelAnimationFrame(frame);
    };
  }, [url]);
  return state;
}
