import type { ApiError } from '../../kit/api';
import type { Problem } from './types';

/** The mistakes that a refusal lists with their places: file:line:col. */
export function problemsOf(err: ApiError): Problem[] {
  return err.mistakes.flatMap((m) => {
    const [, file, line, col] = /^(.+?\.yaml):(\d+)(?::(\d+))?$/.exec(m.location ?? '') ?? [];
    return file ? [{ file, line: Number(line), col: Number(col ?? 1), what: m.message }] : [];
  });
}
