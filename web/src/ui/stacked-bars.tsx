import { useEffect, useRef, useState } from 'react';
import { count, dayAndMonth, dayOfMonth, money } from '../lib/format.ts';

const HEIGHT = 210;
const LEFT = 44;
const BOTTOM = 20;

/** Money per day, stacked by series; its figures are in a table beside it. */
export function StackedBars({
  columns,
  label,
}: {
  columns: readonly { readonly day: string; readonly values: readonly number[] }[];
  label: string;
}) {
  const [box, width] = useWidth();
  const most = Math.max(...columns.map(({ values }) => values.reduce((a, b) => a + b, 0)), 0.01);
  const top = niceTop(most);
  const plot = HEIGHT - BOTTOM;
  const y = (value: number) => plot - (value / top) * (plot - 8);
  const step = Math.max(1, (width - LEFT) / columns.length); // not measured yet: it has no width
  const bar = Math.min(34, step * 0.68);
  const every = Math.ceil(24 / step);
  return (
    <svg ref={box} height={HEIGHT} className="chart" role="img" aria-label={label}>
      {[0, top / 2, top].map((value) => (
        <g key={value}>
          <path d={`M${LEFT} ${y(value)}H${width}`} stroke="var(--line)" />
          <text x={LEFT - 8} y={y(value) + 4} textAnchor="end">
            {Number.isInteger(value) ? `$${count(value)}` : money(value)}
          </text>
        </g>
      ))}
      {columns.map(({ day, values }, i) => {
        const x = LEFT + i * step + (step - bar) / 2;
        return (
          <g key={day}>
            {stacked(values).map(({ from, to, series }) => (
              <rect
                key={series}
                x={x}
                y={y(to)}
                width={bar}
                height={Math.max(0, y(from) - y(to) - 0.8)}
                rx="1.5"
                fill={`var(--series-${series + 1})`}
              />
            ))}
            {(columns.length - 1 - i) % every === 0 ? (
              <text
                x={i === columns.length - 1 ? width : x + bar / 2}
                y={HEIGHT - 5}
                textAnchor={i === columns.length - 1 ? 'end' : 'middle'}
              >
                {i === columns.length - 1 ? dayAndMonth(day) : dayOfMonth(day)}
              </text>
            ) : null}
          </g>
        );
      })}
    </svg>
  );
}

/** Drawn in real pixels, so that its words keep their size on a phone. */
function useWidth() {
  const box = useRef<SVGSVGElement>(null);
  const [width, setWidth] = useState(720);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, width] as const;
}

function stacked(values: readonly number[]) {
  const parts: { from: number; to: number; series: number }[] = [];
  let from = 0;
  for (const [series, value] of values.entries()) {
    if (value > 0) parts.push({ from, to: from + value, series });
    from += value;
  }
  return parts;
}

/** A round figure, at or above the highest bar. */
function niceTop(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((n) => n * power).find((each) => each >= most) ?? most;
}
