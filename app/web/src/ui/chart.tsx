// A chart on a canvas, loaded when one is first shown. Whoever shows one puts a table of the same numbers beside it.

import { useEffect, useRef } from 'preact/hooks';

export interface Line {
  readonly label: string;
  /** A value for each x. */
  readonly values: readonly (number | null)[];
  readonly isFaint?: boolean;
}

/** How a value of an axis is said: as a percentage unless another way is named. */
export type Unit = 'part' | 'hours' | 'date' | 'number';

/** Lines over x. */
export function Chart(props: {
  /** What it shows, in words. */
  label: string;
  x: readonly number[];
  lines: readonly Line[];
  /** Where one is now. */
  point?: { readonly x: number; readonly y: number } | undefined;
  /** A level that matters, and a moment that does. */
  level?: number | undefined;
  moment?: number | undefined;
  units?: readonly [x: Unit, y: Unit];
  height?: number;
}) {
  const { label, x, lines, point, level, moment, units = ['part', 'part'], height = 220 } = props;
  const host = useRef<HTMLDivElement>(null);
  const key = JSON.stringify([x, lines, point, level, moment]);
  useEffect(() => {
    const element = host.current!;
    let end: () => void = () => undefined;
    let isWanted = true;
    import('./plot.ts').then(({ plot }) => {
      if (isWanted) {
        end = plot(element, { x, lines, point, level, moment, units, height });
      }
    });
    return () => {
      isWanted = false;
      end();
    };
  }, [key, height]);
  return <div ref={host} class="chart" role="img" aria-label={label} style={{ height: `${height}px` }} />;
}
