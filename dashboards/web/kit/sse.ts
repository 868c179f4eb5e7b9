/** One server-sent event. */
export interface Sse {
  event: string;
  data: string;
  id: string;
}

/** Cuts a stream of text into server-sent events (WHATWG HTML 9.2). */
export class SseParser {
  #rest = '';
  #event = '';
  #data: string[] = [];
  /** Id of the last event; what a reader that comes back asks from. */
  lastId = '';

  push(chunk: string): Sse[] {
    const out: Sse[] = [];
    const lines = (this.#rest + chunk).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const e = this.#line(line);
      if (e) out.push(e);
    }
    return out;
  }

  #line(line: string): Sse | undefined {
    if (line === '') return this.#dispatch();
    if (line.startsWith(':')) return undefined; // a heartbeat
    const i = line.indexOf(':');
    const field = i < 0 ? line : line.slice(0, i);
    const value = i < 0 ? '' : line.slice(i + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.lastId = value;
    return undefined;
  }

  #dispatch(): Sse | undefined {
    const e = { event: this.#event || 'message', data: this.#data.join('\n'), id: this.lastId };
    const empty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    return empty ? undefined : e;
  }
}
