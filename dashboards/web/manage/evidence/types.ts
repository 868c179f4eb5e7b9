import type { Clip, Label, Priority } from '../../kit/types';

/** What there is of a camera in a time, as /cameras/{id}/recordings answers it. */
export interface Timeline {
  camera: string;
  from: string;
  to: string;
  spans: Span[];
  gaps: Gap[];
  alarms: Mark[];
  clips: Clip[];
  recording: Taping;
}

export interface Span {
  from: string;
  to: string;
  bytes?: number;
}

export interface Gap {
  from: string;
  to: string;
  reason: string;
  text: Label;
}

export interface Mark {
  id: string;
  at: string;
  title: Label;
  priority: Priority;
  open: boolean;
}

/** How it stands with a camera's continuous recording. */
export interface Taping {
  camera: string;
  mode: 'config' | 'on' | 'off';
  days?: number;
  max_gb?: number;
  state: 'off' | 'recording' | 'waiting' | 'stopped';
  problem: string;
  problem_text: Label;
  from: string | null;
  to: string | null;
  bytes: number;
}

/** What came of checking a clip. */
export interface Report {
  ok: boolean;
  key_expected: boolean;
  fragments?: number;
  findings: { code: string; text: string }[] | null;
}
