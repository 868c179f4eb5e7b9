import { ApiError, call, get, post } from '../../kit/api';
import { explain } from '../../kit/errors';
import { session } from '../../kit/session.svelte';
import { Answer } from '../answer.svelte';
import { mayWrite } from '../may';
import { Drafts } from './drafts.svelte';
import { problemsOf } from './problems';
import { Replaying } from './replay.svelte';
import type { Check, Problem, Reloaded, RuleFiles, TestRun } from './types';

const testSuffix = '.test.yaml';
const rest = 350; // ms after the last key before a text is checked

export const isTest = (name: string): boolean => name.endsWith(testSuffix);

/** How far a step has come: not begun for this text, going on, good, bad. */
export type Step = 'due' | 'busy' | 'ok' | 'bad';

/** What came out, and of which texts. */
interface Outcome<T> {
  of: string;
  value: T;
}

/**
 * The rule files while somebody changes them: check, tests, replay, and only then
 * saving. It outlives the components that show it, so nothing in it is $derived:
 * that would end with the component that made it.
 */
export class Editor {
  readonly files = new Answer<RuleFiles>(() => this.#load());
  readonly drafts = new Drafts();
  readonly replay = new Replaying();

  /** The file that is shown. */
  name = $state('');
  /** The hub has no folder for rules: what it has built in is in force. */
  readOnly = $state(false);
  saving = $state(false);
  trouble = $state('');
  #check = $state.raw<Outcome<Check> | undefined>(undefined);
  #tests = $state.raw<Outcome<TestRun> | undefined>(undefined);
  #checking = $state(0);
  #testing = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  get text(): string {
    return this.drafts.text(this.name);
  }
  get dirty(): boolean {
    return this.drafts.dirty(this.name);
  }
  /** Tells one state of all drafts from another. */
  get all(): string {
    return JSON.stringify(this.drafts.changed);
  }
  get mayWrite(): boolean {
    return mayWrite() && !this.readOnly;
  }
  /** A replay is work for the hub: for whom may change rules, also where the hub's can't be changed. */
  get mayReplay(): boolean {
    return mayWrite();
  }

  /** The mistakes of the file that is shown; those of a test file come with its run. */
  get problems(): Problem[] {
    if (isTest(this.name)) return (this.#tests?.value.problems ?? []).filter((p) => p.file === this.name);
    return (this.#check?.of === this.#mark ? this.#check.value.problems : undefined) ?? [];
  }
  get results(): TestRun | undefined {
    return this.#tests?.value;
  }
  /** The tests were of texts that have changed since. */
  get testsOld(): boolean {
    return !!this.#tests && this.#tests.of !== this.all;
  }
  get replayOld(): boolean {
    return !!this.replay.run && this.replay.of !== this.all;
  }

  get checkStep(): Step {
    if (isTest(this.name)) return this.testStep;
    if (this.#checking || this.#check?.of !== this.#mark) return 'busy';
    return this.#check.value.ok ? 'ok' : 'bad';
  }
  get testStep(): Step {
    if (this.#testing) return 'busy';
    if (!this.#tests || this.testsOld) return 'due';
    return this.#tests.value.ok ? 'ok' : 'bad';
  }
  get replayStep(): Step {
    if (this.replay.busy) return 'busy';
    if (this.replayOld || this.replay.run?.state !== 'done') return this.replay.trouble ? 'bad' : 'due';
    return 'ok';
  }
  /** Checked and tested as it stands; the hub checks again. */
  get maySave(): boolean {
    return this.mayWrite && this.dirty && !this.saving && !this.drafts.overtaken(this.name) && this.checkStep === 'ok' && this.testStep === 'ok';
  }

  /** Which file in which wording. */
  get #mark(): string {
    return `${this.name}\n${this.text}`;
  }

  open(name: string): void {
    this.name = name;
    this.trouble = '';
    void this.#look();
  }

  edit(text: string): void {
    this.drafts.edit(this.name, text);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), rest);
  }

  create(name: string, text: string): void {
    this.drafts.edit(name, text);
    this.open(name);
  }

  revert(): void {
    const name = this.name;
    this.drafts.drop(name);
    this.open(this.drafts.isNew(name) ? (this.drafts.names[0] ?? '') : name);
  }

  /** Plays all tests with the drafts over the files in force. */
  async test(): Promise<void> {
    if (this.#testing) return;
    const of = this.all;
    this.#testing = true;
    this.trouble = '';
    try {
      this.#tests = { of, value: await post<TestRun>('/rules/test', { files: this.drafts.changed }) };
    } catch (err) {
      this.trouble = explain(err);
    } finally {
      this.#testing = false;
    }
  }

  /** Puts the file in force. Tells what the hub did, or undefined when it refused. */
  async save(): Promise<Reloaded | undefined> {
    if (!this.maySave) return undefined;
    const [name, text, tests] = [this.name, this.text, this.#tests?.value];
    const done = await this.#write(() => call<Reloaded | undefined>('PUT', path(name) + this.#force(), { text }, { match: this.drafts.hash(name) }));
    // the same texts have been tested; fewer of them are drafts now
    if (done && tests) this.#tests = { of: this.all, value: tests };
    return done;
  }

  /** Takes a file and its rules out of force. */
  async remove(name: string): Promise<Reloaded | undefined> {
    const done = await this.#write(() => call<Reloaded | undefined>('DELETE', path(name), undefined, { match: this.drafts.hash(name) }));
    if (done) this.open(this.drafts.names[0] ?? '');
    return done;
  }

  /**
   * A rule and its tests that change together pass only together, and are saved one
   * after the other: the first of them in spite of the tests, which an administrator may.
   */
  #force(): string {
    return Object.keys(this.drafts.changed).length > 1 && session.user?.role === 'admin' ? '?force=true' : '';
  }

  /** The mistakes of the text as it stands. */
  async #look(): Promise<void> {
    if (!this.name) return;
    if (isTest(this.name)) return this.dirty ? this.test() : undefined;
    const of = this.#mark;
    const [file, text] = [this.name, this.text];
    this.#checking++;
    try {
      const value = await post<Check>('/rules/check', { file, text });
      if (of === this.#mark) this.#check = { of, value };
    } catch (err) {
      if (of === this.#mark) this.trouble = explain(err);
    } finally {
      this.#checking--;
    }
  }

  async #write(f: () => Promise<Reloaded | undefined>): Promise<Reloaded | undefined> {
    const of = this.#mark;
    this.saving = true;
    this.trouble = '';
    try {
      const done = (await f()) ?? {};
      await this.files.load();
      return done;
    } catch (err) {
      this.trouble = explain(err);
      if (err instanceof ApiError) await this.#refused(err, of);
      return undefined;
    } finally {
      this.saving = false;
    }
  }

  /** Shows what the hub found that was not seen here. */
  async #refused(err: ApiError, of: string): Promise<void> {
    if (err.code === 'rules.read_only') this.readOnly = true;
    if (err.code === 'rules.file_changed') await this.files.load();
    const problems = problemsOf(err);
    if (problems.length) this.#check = { of, value: { ok: false, problems } };
  }

  async #load(): Promise<RuleFiles> {
    const files = await get<RuleFiles>('/rules/files');
    this.readOnly = files.writable === false;
    this.drafts.inForce(files.items ?? []);
    return files;
  }
}

const path = (name: string): string => `/rules/files/${encodeURIComponent(name)}`;

let mine: { user: string; editor: Editor } | undefined;

/** The editor of the one who is signed in; nobody gets another's drafts. */
export function editor(): Editor {
  const user = session.user?.id ?? '';
  if (mine?.user !== user) mine = { user, editor: new Editor() };
  return mine.editor;
}
