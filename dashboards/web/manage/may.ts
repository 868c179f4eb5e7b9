import { session } from '../kit/session.svelte';

/** Whether the one who is signed in may change rules, shifts and maintenance; the hub asks again. */
export const mayWrite = (): boolean => session.user?.role === 'admin' || session.user?.role === 'supervisor';

/** Whether the one who is signed in may open doors from the desk, and so let a guest stay. */
export const mayOpen = (): boolean => mayWrite() || session.user?.role === 'operator';

/** Whether the one who is signed in may change devices and accounts. */
export const mayManage = (): boolean => session.user?.role === 'admin';
