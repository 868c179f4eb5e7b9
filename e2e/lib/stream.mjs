// Follows the hub's stream of changes as a program does, and remembers what came
// and when.
export class Stream {
  /** topics: "alarm,incident"; on is called with {topic, seq, data, at} for each entry. */
  static async open(hub, topics, { as = 'admin', on = () => {} } = {}) {
    const s = new Stream()
    s.got = []
    s.stop = new AbortController()
    const r = await fetch(`${hub.url}/api/v1/stream?topics=${topics}`, { headers: { cookie: await hub.session(as) }, signal: s.stop.signal })
    if (!r.ok) throw new Error(`stream: ${r.status} ${await r.text()}`)
    s.ended = s.read(r.body, on).catch(() => {})
    return s
  }

  async read(body, on) {
    const text = new TextDecoder()
    let rest = ''
    for await (const chunk of body) {
      const at = Date.now()
      rest += text.decode(chunk, { stream: true })
      const entries = rest.split('\n\n')
      rest = entries.pop()
      for (const e of entries) {
        const field = (name) => e.split('\n').find((l) => l.startsWith(`${name}: `))?.slice(name.length + 2)
        const topic = field('event')
        if (!topic || topic === 'hello') continue
        const entry = { topic, seq: Number(field('id')), data: JSON.parse(field('data')), at }
        this.got.push(entry)
        on(entry)
      }
    }
  }

  /** Entries of a topic whose data satisfies f. */
  of(topic, f = () => true) {
    return this.got.filter((e) => e.topic === topic && f(e.data))
  }

  close() {
    this.stop.abort()
    return this.ended
  }
}
