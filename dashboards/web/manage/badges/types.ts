/** A row of the badge log. */
export interface Badge {
  id: number;
  at: string;
  received_at: string;
  door: string;
  door_name: string;
  zone: string;
  person?: string;
  person_name?: string;
  unit?: string;
  type?: string;
  last4?: string;
  side: 'in' | 'out';
  decision: 'granted' | 'denied' | 'unanswered';
  reason: string;
  by: 'hub' | 'door' | 'desk' | 'app';
  actor?: string;
  note?: string;
  late: boolean;
  flag?: string;
  rung?: string;
}

export interface Lookup {
  at: string;
  actor: string;
  name: string;
  person: string;
  door: string;
  reason: string;
}

/** A copy of somebody's trail that was asked for. */
export interface Copy {
  id: string;
  person: string;
  from: string;
  to: string;
  reason: string;
  asked_by: string;
  asked_name: string;
  asked_at: string;
  judged_name: string;
  answer: string;
  state: 'waiting' | 'allowed' | 'refused' | 'over';
  taken: number;
}
