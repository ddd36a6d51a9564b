import { render } from 'preact';
import { AppProvider, startApp } from './app.ts';
import { loadConfig } from './config.ts';
import { Notice } from './ui/parts.tsx';
import { copyExactly } from './ui/values.tsx';
import { Shell } from './ui/shell.tsx';

const page = document.getElementById('page')!;

copyExactly();
try {
  const app = startApp(await loadConfig(document.baseURI));
  render(
    <AppProvider value={app}>
      <Shell />
    </AppProvider>,
    page,
  );
} catch (error) {
  const words = error instanceof Error ? error.message : String(error);
  render(
    <main class="alone" role="alert">
      <h1>This page cannot start</h1>
      <Notice tone="bad">{words}</Notice>
    </main>,
    page,
  );
}
