// Modules that the build makes of the repository's files: see build/plugin.ts.

declare module 'virtual:parameters' {
  const tables: Readonly<
    Record<'market' | 'reserve' | 'vault' | 'pool' | 'perp', readonly import('../build/tables.ts').ParameterRow[]>
  >;
  export default tables;
}

declare module 'virtual:events' {
  const events: Readonly<Record<string, readonly [name: string, subject: string]>>;
  export default events;
}

declare module 'virtual:crashes' {
  const windows: readonly import('../build/crashes.ts').CrashWindow[];
  export default windows;
}
