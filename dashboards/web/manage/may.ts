import { session } from '../kit/session.svelte';

/** Whether the one who is signed in may change rules, shifts and maintenance; the hub asks again. */
export const mayWrite = (): boolean => session.user?.role === 'admin' || session.user?.role === 'supervisor';
