// What the laboratory found when it played crashes: its figures, from files beside the page or from this machine.

import { useEffect, useState } from 'preact/hooks';
import { sha256 } from '../bytes.ts';
import { errorWords } from '../errors.ts';
import { exactAmount } from '../number.ts';
import { type Grid, type Part, readResults, type Series } from '../results.ts';
import { Chart } from '../ui/chart.tsx';
import { SelectField } from '../ui/fields.tsx';
import { Button, Notice, Screen, Section, Skeleton, Table } from '../ui/parts.tsx';
import { Copy } from '../ui/values.tsx';

interface Results {
  readonly name: string;
  readonly hash: string;
  readonly size: number;
  readonly part: Part;
}

type State =
  | { readonly state: 'empty' | 'loading' }
  | { readonly state: 'failed'; readonly name: string; readonly words: string }
  | { readonly state: 'ready'; readonly results: Results };

/** Largest file that is read, bytes. */
const LARGEST = 64 * 1_024 * 1_024;

const EXPERIMENTS = [
  ['compare', 'the market under its policy and without it, in each crash'],
  ['cascade', 'sales of collateral that press the price they are sold at'],
  ['vaults', 'who wants out of a vault in a crash, and when gets it'],
  ['perps', 'a pool behind perps, its traders, and informed ones'],
] as const;

export default function StressScreen() {
  const [names, setNames] = useState<readonly string[]>();
  const [shown, setShown] = useState<State>({ state: 'empty' });
  const show = async (name: string, read: () => Promise<ArrayBuffer>) => {
    setShown({ state: 'loading' });
    try {
      const bytes = new Uint8Array(await read());
      if (bytes.length > LARGEST) {
        throw new Error(`It has ${exactAmount(BigInt(bytes.length), 0)} bytes: more than this page reads.`);
      }
      const part = readResults(new TextDecoder().decode(bytes));
      setShown({ state: 'ready', results: { name, hash: await sha256(bytes), size: bytes.length, part } });
    } catch (error) {
      setShown({ state: 'failed', name, words: errorWords(error) });
    }
  };
  const fetchOne = (name: string) =>
    show(name, async () => {
      const response = await fetch(`./stress/${encodeURIComponent(name)}`);
      if (!response.ok) {
        throw new Error(`The host answers with HTTP ${response.status}.`);
      }
      return response.arrayBuffer();
    });
  useEffect(() => {
    let isWanted = true;
    fetch('./stress/index.json')
      .then((response) => (response.ok ? response.json() : []))
      .catch(() => [])
      .then((list: unknown) => {
        const found = Array.isArray(list)
          ? list.filter((name) => typeof name === 'string' && /^[\w.-]+$/.test(name))
          : [];
        if (isWanted) {
          setNames(found);
        }
        if (isWanted && found[0] !== undefined) {
          fetchOne(found[0]);
        }
      });
    return () => {
      isWanted = false;
    };
  }, []);
  return (
    <Screen
      title="Stress"
      lede="How the market fares in crashes, as the laboratory played them on the program’s own code."
    >
      <Section title="Results">
        <div class="panel-body">
          {names === undefined ? (
            <Skeleton lines={2} height={38} />
          ) : (
            <div class="buttons">
              {names.map((name) => (
                <Button
                  key={name}
                  kind={shown.state === 'ready' && shown.results.name === name ? 'main' : 'plain'}
                  onClick={() => fetchOne(name)}
                >
                  {name}
                </Button>
              ))}
              <label class="button file">
                Open a file
                <input
                  type="file"
                  accept=".json,application/json"
                  onChange={(event) => {
                    const file = event.currentTarget.files?.[0];
                    if (file !== undefined) {
                      show(file.name, () => file.arrayBuffer());
                    }
                  }}
                />
              </label>
            </div>
          )}
          {names?.length === 0 && shown.state === 'empty' && <None />}
          <div aria-live="polite">
            {shown.state === 'failed' && (
              <Notice tone="bad">
                {shown.name} cannot be shown. {shown.words}
              </Notice>
            )}
          </div>
        </div>
      </Section>
      {shown.state === 'loading' && (
        <div class="panel">
          <Skeleton lines={8} height={36} />
        </div>
      )}
      {shown.state === 'ready' && <Shown {...shown.results} />}
    </Screen>
  );
}

/** There are none: what makes some. */
function None() {
  return (
    <>
      <p>This page’s folder has none yet. In the repository, one command makes them, and a file can be opened here:</p>
      <dl class="rows commands">
        {EXPERIMENTS.map(([name, what]) => [
          <dt key={`${name}-what`}>{what}</dt>,
          <dd key={name}>
            <code>scripts/demo {name}</code> <Copy text={`scripts/demo ${name}`} label={`command ${name}`} />
          </dd>,
        ])}
      </dl>
      <p class="fine">
        Each writes its figures as JSON beside its report. Whoever hosts the page puts them into <code>stress/</code>,
        and their names into <code>stress/index.json</code>.
      </p>
    </>
  );
}

function Shown({ name, hash, size, part }: Results) {
  return (
    <>
      <Section title={name} aside={`${exactAmount(BigInt(size), 0)} bytes`}>
        <div class="panel-body">
          <dl class="rows">
            {part.facts.map((fact) => [
              <dt key={`${fact.name}-name`}>{fact.name}</dt>,
              <dd key={fact.name}>{fact.text}</dd>,
            ])}
            <dt>SHA-256 of the file</dt>
            <dd class="hash">
              <code>{hash}</code> <Copy text={hash} label="hash of the file" />
            </dd>
          </dl>
          <p class="fine">
            The same seed plays the same. Values are as the file has them: shares as parts of one, amounts in the unit
            that its report names.
          </p>
        </div>
      </Section>
      {part.series.map((series) => (
        <Section key={series.title} title={series.title}>
          <Curves series={series} />
        </Section>
      ))}
      {part.grids.map((grid) => (
        <Section key={grid.title} title={grid.title}>
          <GridTable grid={grid} />
        </Section>
      ))}
      {part.parts.length > 0 && (
        <Section title="In detail">
          <div class="panel-body">
            {part.parts.map((one) => (
              <Detail key={one.title} part={one} />
            ))}
          </div>
        </Section>
      )}
    </>
  );
}

function Detail({ part }: { part: Part }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="detail" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{part.title}</summary>
      {/* Charts take the width that they find, so they wait for one. */}
      {isOpen && (
        <>
          {part.facts.length > 0 && (
            <dl class="rows">
              {part.facts.map((fact) => [
                <dt key={`${fact.name}-name`}>{fact.name}</dt>,
                <dd key={fact.name}>{fact.text}</dd>,
              ])}
            </dl>
          )}
          {part.series.map((series) => (
            <Curves key={series.title} series={series} />
          ))}
          {part.grids.map((grid) => (
            <div key={grid.title} class="scroll">
              <h3>{grid.title}</h3>
              <GridTable grid={grid} />
            </div>
          ))}
          {part.parts.map((one) => (
            <Detail key={one.title} part={one} />
          ))}
        </>
      )}
    </details>
  );
}

function GridTable({ grid: { title, heads, rows, more } }: { grid: Grid }) {
  const numbered = rows.map((cells, nth) => ({ cells, nth }));
  return (
    <div class="scroll">
      <Table
        caption={title}
        rows={numbered}
        keyOf={({ nth }) => nth}
        empty="None."
        columns={heads.map((head, nth) => ({
          head,
          isNumber: nth > 0,
          cell: ({ cells }: (typeof numbered)[number]) => cells[nth],
        }))}
      />
      {more > 0 && <p class="fine pad">{exactAmount(BigInt(more), 0)} more are in the file.</p>}
    </div>
  );
}

/** Points of the table beside a chart. */
const POINTS = 24;

function Curves({ series: { title, times, lines } }: { series: Series }) {
  const [name, setName] = useState(lines[0]?.name ?? '');
  const line = lines.find((one) => one.name === name);
  if (line === undefined) {
    return <p class="empty">It has no numbers.</p>;
  }
  const last = times.length - 1;
  const points = [...new Set(Array.from({ length: POINTS }, (_, nth) => Math.round((nth * last) / (POINTS - 1))))];
  const text = (value: number | null | undefined) =>
    value === null || value === undefined ? '–' : String(Number(value.toPrecision(6)));
  return (
    <div class="panel-body">
      <SelectField
        label="Show"
        value={name}
        options={lines.map((one) => ({ value: one.name, label: one.name }))}
        onChange={setName}
      />
      <Chart
        label={`${title}, ${name} over time: the table has points of it`}
        x={times}
        lines={[{ label: name, values: line.values }]}
        units={['date', 'number']}
      />
      <details>
        <summary>The chart as a table</summary>
        <Table
          caption={`${title}: ${name}`}
          rows={points}
          keyOf={(point) => point}
          columns={[
            {
              head: 'When',
              cell: (point) => new Date(times[point]! * 1_000).toISOString().slice(0, 16).replace('T', ' '),
            },
            { head: name, isNumber: true, cell: (point) => text(line.values[point]) },
          ]}
        />
      </details>
    </div>
  );
}
