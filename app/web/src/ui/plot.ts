import uPlot from 'uplot';
import { exactAmount, percent } from '../number.ts';
import type { Line, Unit } from './chart.tsx';

interface Plot {
  readonly x: readonly number[];
  readonly lines: readonly Line[];
  readonly point: { readonly x: number; readonly y: number } | undefined;
  readonly level: number | undefined;
  readonly moment: number | undefined;
  readonly units: readonly [x: Unit, y: Unit];
  readonly height: number;
}

/** Distances between ticks of dates, seconds: a round number of hours or days. */
const DATES = [1, 3, 6, 12, 24, 48, 120, 240, 720].map((hours) => hours * 3_600);

const SAID: Readonly<Record<Unit, (tick: number) => string>> = {
  part: (tick) => percent(tick, 0),
  hours: (tick) => `${tick} h`,
  date: (tick) => new Date(tick * 1_000).toISOString().slice(...(tick % 86_400 === 0 ? [5, 10] : [11, 16])),
  number: (tick) => exactAmount(BigInt(Math.round(tick * 100)), 2),
};

/** Draws into an element, again when its size or the page's colours change, until the returned function is called. */
export function plot(element: HTMLElement, { x, lines, point, level, moment, units, height }: Plot): () => void {
  let chart: uPlot | undefined;
  const draw = () => {
    chart?.destroy();
    const style = getComputedStyle(element);
    // Custom properties are texts: a colour of the scheme is what a property that is computed says.
    const [ink, soft, line, accent, bad] = ['--ink', '--soft', '--line', '--accent', '--bad'].map((name) =>
      computed(element, name),
    );
    const axis = {
      stroke: soft!,
      grid: { stroke: line!, width: 1 },
      ticks: { show: false },
      font: `12px ${style.fontFamily}`,
    };
    chart = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false } },
        axes: [
          {
            ...axis,
            size: 32,
            ...(units[0] === 'date' ? { incrs: DATES } : {}),
            values: (_, ticks) => ticks.map(SAID[units[0]]),
          },
          { ...axis, size: 64, values: (_, ticks) => ticks.map(SAID[units[1]]) },
        ],
        series: [
          {},
          ...lines.map(({ label, isFaint }) => ({
            label,
            stroke: isFaint ? soft! : accent!,
            width: isFaint ? 1 : 2,
            points: { show: false },
          })),
        ],
        hooks: {
          draw: [
            (drawn) => {
              const { ctx, bbox } = drawn;
              ctx.save();
              ctx.strokeStyle = bad!;
              ctx.lineWidth = devicePixelRatio;
              ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
              ctx.beginPath();
              if (level !== undefined) {
                const y = drawn.valToPos(level, 'y', true);
                ctx.moveTo(bbox.left, y);
                ctx.lineTo(bbox.left + bbox.width, y);
              }
              if (moment !== undefined) {
                const at = drawn.valToPos(moment, 'x', true);
                ctx.moveTo(at, bbox.top);
                ctx.lineTo(at, bbox.top + bbox.height);
              }
              ctx.stroke();
              ctx.restore();
              if (point !== undefined) {
                ctx.beginPath();
                ctx.arc(
                  drawn.valToPos(point.x, 'x', true),
                  drawn.valToPos(point.y, 'y', true),
                  5 * devicePixelRatio,
                  0,
                  7,
                );
                ctx.fillStyle = ink!;
                ctx.fill();
              }
            },
          ],
        },
      },
      [[...x], ...lines.map(({ values }) => [...values])],
      element,
    );
  };
  draw();
  const size = new ResizeObserver(() => chart?.setSize({ width: element.clientWidth, height }));
  size.observe(element);
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', draw);
  const theme = new MutationObserver(draw);
  theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return () => {
    size.disconnect();
    theme.disconnect();
    scheme.removeEventListener('change', draw);
    chart?.destroy();
  };
}

/** What a colour of the page is under the scheme that is on. */
function computed(element: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
