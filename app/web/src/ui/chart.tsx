// A chart on a canvas, loaded when one is first shown. Whoever shows one puts a table of the same numbers beside it.

import { useEffect, useRef } from 'preact/hooks';

export interface Line {
  readonly label: string;
  /** A value for each x. */
  readonly values: readonly (number | null)[];
  readonly isFaint?: boolean;
}

/** Lines over x, both as parts of one: shown as percentages. */
export function Chart(props: {
  /** What it shows, in words. */
  label: string;
  x: readonly number[];
  lines: readonly Line[];
  /** Where one is now. */
  point?: { readonly x: number; readonly y: number } | undefined;
  height?: number;
}) {
  const { label, x, lines, point, height = 220 } = props;
  const host = useRef<HTMLDivElement>(null);
  const key = JSON.stringify([x, lines, point]);
  useEffect(() => {
    const element = host.current!;
    let end: () => void = () => undefined;
    let isWanted = true;
    import('./plot.ts').then(({ plot }) => {
      if (isWanted) {
        end = plot(element, { x, lines, point, height });
      }
    });
    return () => {
      isWanted = false;
      end();
    };
  }, [key, height]);
  return <div ref={host} class="chart" role="img" aria-label={label} style={{ height: `${height}px` }} />;
}
