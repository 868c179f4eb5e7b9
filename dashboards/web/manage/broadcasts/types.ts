export interface Recording {
  id: string;
  name: string;
  length_ms: number;
  actor: string;
  at: string;
}
export interface Schedule {
  id?: string;
  name: string;
  enabled: boolean;
  zones: string[];
  text?: string;
  recording?: string;
  priority: number;
  repeat?: number;
  volume_pct?: number | null;
  times: string[];
  days?: number[];
  next_at?: string;
}
export interface PanelView {
  id: string;
  name: string;
  zone: string;
  online: boolean;
  message: string;
  text: string;
  colour: string;
  shows: string;
  proven: boolean;
}
export interface PanelNotice {
  id: string;
  ref: string;
  zones: string[];
  text: string;
  colour: string;
  exercise: boolean;
  author: string;
  released_by: string;
  until: string;
}
