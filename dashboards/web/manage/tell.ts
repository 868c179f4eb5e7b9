import { ApiError, get } from '../kit/api';
import { explain } from '../kit/errors';
import type { Items } from './people/types';

/** Does something at the hub; answers why not, or nothing when it is done. What is wrong with the input stands behind the sentence, as the hub says it. */
export async function tell(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return '';
  } catch (err) {
    const exact = err instanceof ApiError && err.status === 422 ? err.detail.replace(/^invalid:? */, '') : '';
    return exact && exact !== explain(err) ? `${explain(err)} (${exact})` : explain(err);
  }
}

/** A list that has no pages. */
export const items = async <T>(path: string): Promise<T[]> => (await get<Items<T>>(path)).items ?? [];

/** An id or a zone as a part of a path. */
export const part = (id: string): string => encodeURIComponent(id);
