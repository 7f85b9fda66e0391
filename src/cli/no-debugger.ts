/**
 * Whoever imports this first keeps SIGUSR1 from opening Node's debugger, which gives whoever reaches its port all that the process may do.
 * A plain start with `node` does not have the flag `--disable-sigusr1`.
 */
process.on('SIGUSR1', () => undefined);
