// In a module of its own, which is loaded when it is first needed: the engine's bytes are as large as the rest of the page.
export { loadEngine } from '@ballast/client';
