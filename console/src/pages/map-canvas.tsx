// The canvas of the map, and all that hands can do with it: keys as well as pointers.
import { type KeyboardEvent, type PointerEvent, type RefObject, useCallback, useEffect, useId, useImperativeHandle, useRef, useState } from 'react';
import { usePreferences } from '../app/preferences';
import { draw, type Look, readLook } from './map-draw';
import { describe, fit, type Scene, shown, type Thing, type View, zoomed } from './map-scene';

const STEP = 1.25;
const WHEEL = 0.0015;
const MOVE_PX = 90;
const STILL_PX = 4;

/** What the page's buttons do with the map. */
export interface MapHandle {
  zoom: (factor: number) => void;
  fit: () => void;
  picture: () => Promise<Blob | null>;
}

interface Size {
  width: number;
  height: number;
}

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function MapCanvas({ scene, place, chosen, found, onChoose, onOpen, handle }: {
  scene: Scene;
  /** Another one has the whole map shown: filters changed. */
  place: string;
  chosen: string;
  found: ReadonlySet<string>;
  onChoose: (thing: Thing | undefined) => void;
  onOpen: (thing: Thing) => void;
  handle: RefObject<MapHandle | null>;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<View>({ x: 0, y: 0, zoom: 1 });
  const size = useRef<Size>({ width: 0, height: 0 });
  const fitted = useRef('');
  const { shown: theme } = usePreferences();
  const [hasFocus, setFocus] = useState(false);
  const colors = useRef<{ theme: string; look: Look } | null>(null);
  const help = useId();

  const paint = usePaint(canvas, () => {
    const context = canvas.current?.getContext('2d', { alpha: false });
    const { width, height } = size.current;
    if (!context || !width) return;
    const dots = window.devicePixelRatio || 1;
    if (colors.current?.theme !== theme) colors.current = { theme, look: readLook() };
    context.setTransform(dots, 0, 0, dots, 0, 0);
    draw(context, scene, view.current, { width, height }, colors.current.look, { chosen, found, hasFocus });
  });
  const look = useCallback(
    (next: View) => {
      view.current = next;
      paint();
    },
    [paint],
  );
  const showAll = useCallback(() => look(fit(scene.bounds, size.current.width, size.current.height)), [look, scene]);

  useEffect(paint, [paint, scene, chosen, found, theme, hasFocus]);
  useEffect(() => {
    // What was looked at stays where it is when the map is read anew; another choice is shown as a whole.
    if (fitted.current === place || !size.current.width) return;
    fitted.current = place;
    showAll();
  }, [place, showAll]);
  useEffect(() => {
    const element = frame.current;
    const surface = canvas.current;
    if (!element || !surface) return undefined;
    const watcher = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = element;
      const dots = window.devicePixelRatio || 1;
      const isFirst = !size.current.width;
      size.current = { width, height };
      surface.width = Math.round(width * dots);
      surface.height = Math.round(height * dots);
      if (isFirst && width) {
        fitted.current = place;
        showAll();
      } else paint();
    });
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [paint, place, showAll]);
  useEffect(() => {
    const surface = canvas.current;
    if (!surface) return undefined;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const amount = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 16 : event.deltaY;
      look(zoomed(view.current, Math.exp(-amount * WHEEL), event.offsetX, event.offsetY));
    };
    surface.addEventListener('wheel', onWheel, { passive: false });
    return () => surface.removeEventListener('wheel', onWheel);
  }, [look]);
  const thing = scene.find(chosen);
  const zoom = useCallback(
    (factor: number) => {
      const { width, height } = size.current;
      const { x, y, zoom: scale } = view.current;
      // About what is chosen, where it is in sight: it is what one wants to see nearer.
      const [atX, atY] = thing ? [(thing.cx - x) * scale, (thing.cy - y) * scale] : [-1, -1];
      const isSeen = atX >= 0 && atY >= 0 && atX <= width && atY <= height;
      look(zoomed(view.current, factor, isSeen ? atX : width / 2, isSeen ? atY : height / 2));
    },
    [look, thing],
  );
  useImperativeHandle(handle, () => ({ zoom, fit: showAll, picture: () => picture(canvas.current) }), [zoom, showAll]);

  // Chosen in the table, or by key: it is brought into sight, once; whoever looks elsewhere then is left alone.
  const brought = useRef('');
  useEffect(() => {
    if (!thing || !size.current.width || brought.current === thing.id) {
      if (!chosen) brought.current = '';
      return;
    }
    brought.current = thing.id;
    const next = shown(view.current, thing.cx, thing.cy, size.current.width, size.current.height);
    if (next !== view.current) look(next);
  }, [thing, chosen, look]);

  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow && event.shiftKey) {
      const { x, y, zoom: scale } = view.current;
      look({ zoom: scale, x: x + (arrow[0] * MOVE_PX) / scale, y: y + (arrow[1] * MOVE_PX) / scale });
    } else if (arrow) {
      const { x, y, zoom: scale } = view.current;
      const from = thing && scene.towards(thing, ...arrow);
      onChoose(thing ? (from ?? thing) : scene.nearest(x + size.current.width / scale / 2, y + size.current.height / scale / 2));
    } else if (event.key === 'Enter' && thing) onOpen(thing);
    else if (event.key === '+' || event.key === '=') zoom(STEP);
    else if (event.key === '-') zoom(1 / STEP);
    else if (event.key === '0') showAll();
    else if (event.key === 'Escape' && thing) onChoose(undefined);
    else return;
    event.preventDefault();
  };
  const hands = useHands(view, look, (x, y) => onChoose(scene.pick(view.current.x + x / view.current.zoom, view.current.y + y / view.current.zoom)));

  return (
    <div className="map-frame" ref={frame}>
      <canvas
        ref={canvas}
        className="map-canvas"
        role="application"
        aria-roledescription="map"
        aria-label="Network map"
        aria-describedby={help}
        tabIndex={0}
        onKeyDown={onKey}
        onFocus={() => setFocus(true)}
        onBlur={() => setFocus(false)}
        onDoubleClick={(event) => {
          const { x, y, zoom: scale } = view.current;
          const there = scene.pick(x + event.nativeEvent.offsetX / scale, y + event.nativeEvent.offsetY / scale);
          if (there) onOpen(there);
        }}
        {...hands}
      />
      <p id={help} className="visually-hidden">
        Arrow keys move to the neighbour in that direction, Enter opens it, Escape lets it go. Plus and minus zoom, 0 shows everything, Shift
        with an arrow key moves the map. The table beside it holds the same.
      </p>
      <p role="status" className="visually-hidden">
        {thing ? describe(thing) : ''}
      </p>
    </div>
  );
}

/** Return what has the map painted once before the next picture of the screen, however often it is asked for. */
function usePaint(canvas: RefObject<HTMLCanvasElement | null>, paint: () => void): () => void {
  const latest = useRef(paint);
  latest.current = paint;
  const waiting = useRef(0);
  useEffect(() => () => cancelAnimationFrame(waiting.current), []);
  return useCallback(() => {
    if (waiting.current) return;
    waiting.current = requestAnimationFrame(() => {
      waiting.current = 0;
      if (canvas.current) latest.current();
    });
  }, [canvas]);
}

/** Return what moves the map with one finger or the mouse, zooms it with two, and chooses what is tapped. */
function useHands(view: RefObject<View>, look: (view: View) => void, onTap: (x: number, y: number) => void) {
  const held = useRef(new Map<number, { x: number; y: number }>());
  const moved = useRef(0);
  const release = (event: PointerEvent) => {
    held.current.delete(event.pointerId);
  };
  return {
    onPointerDown: (event: PointerEvent<HTMLCanvasElement>) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      if (!held.current.size) moved.current = 0;
      held.current.set(event.pointerId, { x: event.nativeEvent.offsetX, y: event.nativeEvent.offsetY });
    },
    onPointerMove: (event: PointerEvent<HTMLCanvasElement>) => {
      const before = held.current.get(event.pointerId);
      if (!before) return;
      const now = { x: event.nativeEvent.offsetX, y: event.nativeEvent.offsetY };
      moved.current += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
      const other = [...held.current].find(([id]) => id !== event.pointerId)?.[1];
      held.current.set(event.pointerId, now);
      const { x, y, zoom } = view.current;
      if (other) {
        const factor = distance(now, other) / Math.max(distance(before, other), 1);
        look(zoomed(view.current, factor, (now.x + other.x) / 2, (now.y + other.y) / 2));
      } else if (moved.current > STILL_PX) look({ zoom, x: x - (now.x - before.x) / zoom, y: y - (now.y - before.y) / zoom });
    },
    onPointerUp: (event: PointerEvent<HTMLCanvasElement>) => {
      if (held.current.has(event.pointerId) && moved.current <= STILL_PX) onTap(event.nativeEvent.offsetX, event.nativeEvent.offsetY);
      release(event);
    },
    onPointerCancel: release,
  };
}

function distance(one: { x: number; y: number }, other: { x: number; y: number }): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

function picture(canvas: HTMLCanvasElement | null): Promise<Blob | null> {
  return new Promise((resolve) => {
    if (canvas) canvas.toBlob(resolve, 'image/png');
    else resolve(null);
  });
}
