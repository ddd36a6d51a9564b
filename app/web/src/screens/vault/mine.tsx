// What one has in a vault: shares, what waits in the queue, what is to be claimed, what is locked.

import { useState } from 'preact/hooks';
import { cancelPlan, claimPlan, endPlan, type VaultScene } from '../../actions/vault.ts';
import { useApp } from '../../app.ts';
import { errorWords } from '../../errors.ts';
import { bps, duration, exactAmount, moment } from '../../number.ts';
import type { Plan } from '../../tx/plan.ts';
import { Badge, Button, Failure, Section, Skeleton } from '../../ui/parts.tsx';
import { Amount } from '../../ui/values.tsx';
import type { Mine } from '../../vault-hooks.ts';
import { worthOf } from '../../vaults.ts';
import type { Shared } from './tables.tsx';

interface MineProps extends Shared {
  readonly mine: Mine | undefined;
  readonly scene: VaultScene | undefined;
  readonly isConnected: boolean;
}

export function MineInVault(props: MineProps) {
  const { mine, scene, isConnected } = props;
  return (
    <Section title="Yours">
      <div class="panel-body">
        {!isConnected ? (
          <p class="fine">Connect a wallet to see what you have in this vault.</p>
        ) : mine === undefined || scene === undefined ? (
          <Skeleton lines={2} height={30} />
        ) : (
          <Held {...props} mine={mine} scene={scene} />
        )}
      </div>
    </Section>
  );
}

function Held({ view, token, share, mine, scene }: Shared & { mine: Mine; scene: VaultScene }) {
  const { flow } = useApp();
  const [failure, setFailure] = useState<string>();
  const { report, state } = view;
  const now = BigInt(state.now);
  const { request, terms } = mine;
  const start = async (make: () => Promise<Plan>) => {
    try {
      flow.start(await make());
      setFailure(undefined);
    } catch (error) {
      setFailure(errorWords(error));
    }
  };
  const shares = (count: bigint) => (
    <Amount atoms={count} decimals={share.decimals} rounding="down" symbol="shares" digits={4} />
  );
  const tokens = (atoms: bigint) => (
    <Amount atoms={atoms} decimals={token.decimals} rounding="down" symbol={token.symbol} digits={4} />
  );
  const held = mine.shares.tokens ?? 0n;
  const queue = state.vault.queue.tickets.filter((ticket) => ticket.shares !== 0n);
  const ticket = queue.find((one) => one.request === request?.address);
  const ahead = ticket === undefined ? [] : queue.filter((one) => one.number < ticket.number);
  const waited = ahead.reduce((sum, one) => sum + one.shares, 0n);
  return (
    <>
      <dl class="rows">
        <dt>Shares</dt>
        <dd>{shares(held)}</dd>
        <dt>Worth to leave, before a fee</dt>
        <dd>{tokens(worthOf(report, held))}</dd>
      </dl>
      {request !== undefined && (
        <div class="why">
          <h3>In the queue</h3>
          <dl class="rows">
            <dt>Waiting</dt>
            <dd>
              {shares(request.shares)}
              {ticket !== undefined && (
                <span class="under">
                  {' '}
                  {ahead.length === 0
                    ? 'first in turn'
                    : `${exactAmount(worthOf(report, waited), token.decimals)} ${token.symbol} before you`}
                </span>
              )}
            </dd>
            <dt>Since</dt>
            <dd>{moment(request.since)}</dd>
            <dt>Exit fee at most</dt>
            <dd>{bps(request.maxFee)}</dd>
            {request.returned > 0n && (
              <>
                <dt>Left the queue unpaid: its price was below your limit</dt>
                <dd>{shares(request.returned)}</dd>
              </>
            )}
            <dt>To be claimed</dt>
            <dd>{tokens(request.claim)}</dd>
          </dl>
          <div class="buttons">
            {request.claim > 0n && (
              <Button kind="main" onClick={() => start(() => claimPlan(scene, request.claim))}>
                Claim
              </Button>
            )}
            {(request.shares > 0n || request.returned > 0n) && (
              <Button onClick={() => start(() => cancelPlan(scene))}>Take the request back</Button>
            )}
          </div>
        </div>
      )}
      {terms.map(({ id, deposit }) => {
        const isOver = now >= deposit.maturity || deposit.units === 0n;
        const rung = state.vault.rungs[deposit.rung];
        const worth =
          deposit.units === 0n || rung === undefined || rung.units === 0n
            ? deposit.free
            : (deposit.units * rung.shares) / rung.units + deposit.free;
        return (
          <div class="why" key={id}>
            <h3>
              Term {id}, until {moment(deposit.maturity).slice(0, 10)} {isOver && <Badge tone="good">over</Badge>}
            </h3>
            <dl class="rows">
              <dt>Locked</dt>
              <dd>{shares(deposit.principal)}</dd>
              <dt>{isOver ? 'Comes back' : 'At its end, as things are'}</dt>
              <dd>{shares(worth)}</dd>
              {!isOver && (
                <>
                  <dt>Ends in</dt>
                  <dd>{duration(deposit.maturity - now)}</dd>
                </>
              )}
            </dl>
            <div class="buttons">
              <Button kind={isOver ? 'main' : 'plain'} onClick={() => start(() => endPlan(scene, id, !isOver))}>
                {isOver ? 'Take it back' : `End early, for ${bps(state.vault.config.earlyPenalty)}`}
              </Button>
            </div>
          </div>
        );
      })}
      <Failure words={failure} />
    </>
  );
}
