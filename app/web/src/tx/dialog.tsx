export function FlowDialog() {
  return null;
}
