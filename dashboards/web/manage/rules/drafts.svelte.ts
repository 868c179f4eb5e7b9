import type { RuleFile } from './types';

interface Draft {
  /** The text in force that it began from; '' for a new file. */
  base: string;
  text: string;
}

/**
 * Texts that were changed here and are not in force. They outlive the page that
 * shows them, so that going back to the desk for an alarm loses nothing.
 */
export class Drafts {
  #files = $state.raw<readonly RuleFile[]>([]);
  #drafts = $state.raw<ReadonlyMap<string, Draft>>(new Map());

  /** Takes the files in force. A draft that has become the file is none any more. */
  inForce(files: readonly RuleFile[]): void {
    this.#files = files;
    const left = [...this.#drafts].filter(([name, d]) => d.text !== this.#text(name));
    if (left.length < this.#drafts.size) this.#drafts = new Map(left);
  }

  /** Names of the files in force and of new ones. */
  get names(): string[] {
    return [...new Set([...this.#files.map((f) => f.name), ...this.#drafts.keys()])].sort();
  }

  text(name: string): string {
    return this.#drafts.get(name)?.text ?? this.#text(name) ?? '';
  }

  /** Of the file in force that the draft would replace. */
  hash(name: string): string | undefined {
    return this.#files.find((f) => f.name === name)?.hash;
  }

  edit(name: string, text: string): void {
    const next = new Map(this.#drafts);
    const force = this.#text(name);
    if (text === force) next.delete(name);
    else next.set(name, { base: next.get(name)?.base ?? force ?? '', text });
    this.#drafts = next;
  }

  drop(name: string): void {
    const next = new Map(this.#drafts);
    if (next.delete(name)) this.#drafts = next;
  }

  dirty(name: string): boolean {
    return this.#drafts.has(name);
  }

  isNew(name: string): boolean {
    return this.#text(name) === undefined;
  }

  /** Somebody else has changed the file since the draft began. */
  overtaken(name: string): boolean {
    const d = this.#drafts.get(name);
    return !!d && (this.#text(name) ?? '') !== d.base;
  }

  /** Keeps the draft over what somebody else has saved. */
  keep(name: string): void {
    const d = this.#drafts.get(name);
    if (d) this.#drafts = new Map(this.#drafts).set(name, { ...d, base: this.#text(name) ?? '' });
  }

  /** The changed texts by name: what a test or a replay is played with. */
  get changed(): Record<string, string> {
    return Object.fromEntries([...this.#drafts].map(([name, d]) => [name, d.text]));
  }

  #text(name: string): string | undefined {
    return this.#files.find((f) => f.name === name)?.text;
  }
}
