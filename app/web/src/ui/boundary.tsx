import { Component, type ComponentChildren } from 'preact';
import { errorWords } from '../errors.ts';
import { Notice } from './parts.tsx';

interface State {
  readonly failure?: string | undefined;
}

/** Keeps what fails in a screen to that screen: the rest of the page goes on. */
export class Boundary extends Component<{ children: ComponentChildren }, State> {
  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ failure: errorWords(error) });
  }

  override render({ children }: { children: ComponentChildren }, { failure }: State) {
    return failure === undefined ? (
      children
    ) : (
      <Notice
        tone="bad"
        action={
          <button type="button" class="button quiet" onClick={() => this.setState({ failure: undefined })}>
            Try again
          </button>
        }
      >
        This part of the page has failed: {failure}
      </Notice>
    );
  }
}
