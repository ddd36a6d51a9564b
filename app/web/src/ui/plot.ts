import uPlot from 'uplot';
import { percent } from '../number.ts';
import type { Line } from './chart.tsx';

interface Plot {
  readonly x: readonly number[];
  readonly lines: readonly Line[];
  readonly point: { readonly x: number; readonly y: number } | undefined;
  readonly height: number;
}

/** Draws into an element, again when its size or the page's colours change, until the returned function is called. */
export function plot(element: HTMLElement, { x, lines, point, height }: Plot): () => void {
  let chart: uPlot | undefined;
  const draw = () => {
    chart?.destroy();
    const style = getComputedStyle(element);
    // Custom properties are texts: a colour of the scheme is what a property that is computed says.
    const [ink, soft, line, accent] = ['--ink', '--soft', '--line', '--accent'].map((name) => computed(element, name));
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
          { ...axis, values: (_, ticks) => ticks.map((tick) => percent(tick, 0)) },
          { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => percent(tick, 0)) },
        ],
        series: [
          {},
          ...lines.map(({ label, isFaint }) => ({
            label,
            stroke: isFaint ? soft! : accent!,
            width: 2,
            points: { show: false },
          })),
        ],
        hooks: {
          draw: [
            (drawn) => {
              if (point !== undefined) {
                const { ctx } = drawn;
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
