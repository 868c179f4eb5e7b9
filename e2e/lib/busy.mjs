// How much longer things may take on a machine that does other work as well.
import { cpus, loadavg } from 'node:os'

/** 1 on a quiet machine; else how many programs wait for each core. Figures are those of bench/, on a quiet one. */
export const busy = () => Math.max(1, loadavg()[0] / cpus().length)
