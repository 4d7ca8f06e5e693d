// A chart of every number in the messages, the newest value of each beside its name.
import { useEffect, useMemo, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { usePreferences } from '../app/preferences';
import { clockTime, visible } from '../ui/text';
import { type Row, toSeries } from './telemetry-rows';

const HEIGHT = 220;
const COLOURS = ['--accent', '--info', '--warn', '--bad', '--good', '--ink', '--ink-soft', '--line-strong'];

export function Chart({ rows }: { rows: readonly Row[] }) {
  const place = useRef<HTMLDivElement>(null);
  const { shown } = usePreferences();
  const { data, names } = useMemo(() => toSeries(rows), [rows]);
  const plot = useRef<uPlot | null>(null);
  const shape = names.join('\n');
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue('--ink-soft');
    const line = style.getPropertyValue('--line');
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line }, font: `12px ${style.getPropertyValue('--font')}` };
    plot.current = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        series: [
          { label: 'At', value: (_, at) => (at ? clockTime(at * 1000) : '–') },
          ...shape.split('\n').map((label, index) => ({
            label: visible(label),
            stroke: style.getPropertyValue(COLOURS[index % COLOURS.length]!),
            width: 1.5,
            spanGaps: true,
            points: { show: false },
          })),
        ],
        axes: [{ ...axis, values: (_, ticks) => ticks.map((at) => clockTime(at * 1000).slice(0, 8)), space: 80 }, axis],
        cursor: { drag: { x: true, y: false } },
      },
      [[], ...shape.split('\n').map(() => [])] as uPlot.AlignedData,
      element,
    );
    const watcher = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, shown]);
  useEffect(() => {
    const drawn = plot.current;
    if (!drawn) return;
    drawn.setData(data as uPlot.AlignedData);
    // While nobody points at the chart, its legend tells the newest values.
    if ((drawn.cursor.left ?? -1) < 0) drawn.setLegend({ idxs: data.map((values) => values.findLastIndex((value) => value !== null)) }, false);
  }, [data, shape, shown]);
  if (names.length === 0) return <p className="muted">Its messages hold no numbers to draw.</p>;
  return (
    <div
      ref={place}
      className="chart"
      role="img"
      aria-label={`Chart of ${names.map(visible).join(', ')}; the same values stand in the table below`}
    />
  );
}
