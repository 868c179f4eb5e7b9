import { isUnacked, rank, sounds } from '../kit/alarms';
import { recall, remember } from '../kit/stored';
import { Tone } from '../kit/tone';
import type { Alarm, Incident, Priority } from '../kit/types';

const stillFor = 3000; // ms without a key or click

/** What of the desk an alarm that calls may move. */
interface Hands {
  /** The alarm that is selected. */
  current(): Alarm | undefined;
  alarms(): ReadonlyMap<string, Alarm>;
  /** The alarm that has the large tile of the wall. */
  large(): string | undefined;
  showCameras(a: Alarm): void;
  selectAlarm(id: string): void;
}

/** How an alarm gets the operator's attention: by sound, by picture, by being selected. */
export class Attention {
  readonly tone = new Tone();
  sound = $state(recall('sound', true));
  audible = $state(false);
  /** The alarm that the live region reads out. */
  announced = $state.raw<Alarm | undefined>(undefined);
  readonly #hands: Hands;
  #touched = 0; // when the operator last did something

  constructor(hands: Hands) {
    this.#hands = hands;
    this.tone.on = this.sound;
  }

  setSound(on: boolean): void {
    this.sound = this.tone.on = on;
    remember('sound', on);
    this.#unlock();
  }

  /** The operator did something; browsers allow sound from then on. */
  touched(): void {
    this.#touched = Date.now();
    if (!this.audible) this.#unlock();
  }

  /** The hub calls the operator: of an incident once, in a flood only for what is grave, and again while it stands. */
  call(a: Alarm): void {
    if (a.drill) return;
    if (!a.silent) this.announced = a; // a screen reader is heard as well
    if (sounds(a)) this.tone.announce(a.priority);
    if (a.change !== 'realarm') this.#show(a);
  }

  /** After loading: an unacknowledged critical incident that began before the page did. */
  standing(first: Incident | undefined): void {
    const root = this.#hands.alarms().get(first?.root ?? '');
    if (first?.priority === 'critical' && isUnacked(first) && root) this.#hands.showCameras(root);
  }

  /** Repeats the tone of the most urgent alarm that nobody has acknowledged. */
  repeat(): void {
    let worst: Priority | undefined;
    for (const a of this.#hands.alarms().values()) {
      if (isUnacked(a) && sounds(a) && (!worst || rank(a.priority) < rank(worst))) worst = a.priority;
    }
    this.tone.pending(worst);
  }

  /** An alarm that the operator may be looking at: the current one, and one so young. */
  holds(id: string): boolean {
    const a = this.#hands.alarms().get(id);
    return !!a && isUnacked(a) && (id === this.#hands.current()?.id || Date.now() - Date.parse(a.raised_at) < 60_000);
  }

  #unlock(): void {
    this.tone.unlock();
    setTimeout(() => (this.audible = this.tone.ready), 100);
  }

  /** A new alarm's cameras, and where nothing graver is in hand the alarm itself. */
  #show(a: Alarm): void {
    if (a.priority === 'critical') this.#hands.showCameras(a);
    else if (a.priority === 'high') this.#lookAt(a);
    if (this.#hands.current() && a.priority === 'critical') this.#offer(a.id);
  }

  /**
   * A high alarm gets its picture too, unless an alarm that nobody has acknowledged
   * has the large tile: what the operator is looking at stays where it is.
   */
  #lookAt(a: Alarm): void {
    const there = this.#hands.alarms().get(this.#hands.large() ?? '');
    if (!there || !isUnacked(there)) this.#hands.showCameras(a);
  }

  /** Selects a critical alarm over a lesser one, once the operator's hands are still. */
  #offer(id: string): void {
    const a = this.#hands.alarms().get(id);
    const now = this.#hands.current();
    if (!a || !isUnacked(a) || (now && isUnacked(now) && rank(now.priority) <= rank(a.priority))) return;
    const still = Date.now() - this.#touched;
    if (still >= stillFor) this.#hands.selectAlarm(id);
    else setTimeout(() => this.#offer(id), stillFor - still);
  }
}
