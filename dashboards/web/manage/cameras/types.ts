import type { Label } from '../../kit/types';

/** One stream as the hub tells it. */
export interface StreamState {
  codec?: string;
  width?: number;
  height?: number;
  fps?: number;
  kbps: number;
  viewers: number;
  state: 'idle' | 'connecting' | 'live' | 'no_signal';
}

/** A camera with all that a form can change; its addresses are never told. */
export interface CameraRow {
  id: string;
  name: string;
  zone: string;
  state: StreamState['state'];
  since: string;
  main: StreamState;
  sub: StreamState | null;
  viewers: number;
  error: string;
  error_text: Label;
  transport: 'auto' | 'tcp' | 'udp';
  always_on: boolean;
  record_sound: boolean;
  tls_fingerprint: string;
  ptz: boolean;
}

/** The answer to: why does it show nothing? */
export interface Why {
  code: string;
  answer: Label;
  streams: {
    stream: 'main' | 'sub';
    state: StreamState['state'];
    code: string;
    answer: Label;
    detail: string;
    attempts: number;
    next_attempt_at: string | null;
    last_frame_at: string | null;
    key_interval_ms: number;
    kbps: number;
  }[];
}

/** What a look at a camera has shown. */
export interface Looked {
  device?: { manufacturer: string; model: string; firmware: string };
  ptz: boolean;
  has_sub: boolean;
  report: {
    code: string;
    answer: Label;
    detail?: string;
    transport?: string;
    picture_ms: number;
    lost: number;
    tracks: { media: string; codec: string; width?: number; height?: number; profile?: string; fps?: number; counted_fps?: number; gop_ms?: number; b_frames: boolean; kbps: number }[];
    advice: { code: string; text: Label }[];
  };
}

/** A camera that a search has found. */
export interface Found {
  name: string;
  hardware: string;
  onvif?: string;
  known: string[];
}
