// The end of a form whose transaction is reviewed.

import { Button, Failure } from './parts.tsx';
import { ConnectButton } from './wallet.tsx';

/** The button that has it reviewed, or without a wallet the one that connects; and why the last try failed. */
export function FormEnd(props: {
  isConnected: boolean;
  /** Why it cannot be reviewed now. */
  refusal: string | undefined;
  /** Told the refusal when the button is pressed all the same. */
  onRefuse?: (refusal: string | undefined) => void;
  failure: string | undefined;
}) {
  const { isConnected, refusal, onRefuse, failure } = props;
  return (
    <>
      <div class="buttons">
        {isConnected ? (
          <Button kind="main" type="submit" disabled={refusal !== undefined} reason={refusal} onRefuse={onRefuse}>
            Review
          </Button>
        ) : (
          <ConnectButton />
        )}
      </div>
      <Failure words={failure} />
    </>
  );
}
