import { dayOfMonth, money } from '../lib/format.ts';

const WIDTH = 720;
const HEIGHT = 190;
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
  const most = Math.max(...columns.map(({ values }) => values.reduce((a, b) => a + b, 0)), 0.01);
  const top = niceTop(most);
  const plot = HEIGHT - BOTTOM;
  const y = (value: number) => plot - (value / top) * (plot - 8);
  const step = (WIDTH - LEFT) / columns.length;
  const width = Math.min(34, step * 0.68);
  const every = Math.ceil(columns.length / 15);
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className="chart" role="img" aria-label={label}>
      {[0, top / 2, top].map((value) => (
        <g key={value}>
          <path d={`M${LEFT} ${y(value)}H${WIDTH}`} stroke="var(--line)" />
          <text x={LEFT - 8} y={y(value) + 4} textAnchor="end">
            {value === 0 ? '$0' : money(value)}
          </text>
        </g>
      ))}
      {columns.map(({ day, values }, i) => {
        const x = LEFT + i * step + (step - width) / 2;
        return (
          <g key={day}>
            {stacked(values).map(({ from, to, series }) => (
              <rect
                key={series}
                x={x}
                y={y(to)}
                width={width}
                height={Math.max(0, y(from) - y(to) - 0.8)}
                rx="1.5"
                fill={`var(--series-${series + 1})`}
              />
            ))}
            {i % every === 0 || i === columns.length - 1 ? (
              <text x={x + width / 2} y={HEIGHT - 5} textAnchor="middle">
                {dayOfMonth(day)}
              </text>
            ) : null}
          </g>
        );
      })}
    </svg>
  );
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

/** 1, 2, 5 times a power of ten, at or above the highest bar. */
function niceTop(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 3, 5, 10].map((n) => n * power).find((each) => each >= most) ?? most;
}
