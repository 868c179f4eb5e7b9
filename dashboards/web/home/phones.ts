import { ApiError, get, post } from '../kit/api';

/** A phone that can prove itself. */
export interface Phone {
  id: string;
  name: string;
  created_at: string;
  used_at?: string;
}

/** Whether this browser can make a phone prove itself at all: only over https, or on this machine. */
export const able = (): boolean => typeof PublicKeyCredential === 'function' && !!navigator.credentials && window.isSecureContext;

export function toBytes(text: string): ArrayBuffer {
  const s = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  const b = new Uint8Array(s.length);
  for (let i = 0; i < s.length; i++) b[i] = s.charCodeAt(i);
  return b.buffer;
}

export function toText(bytes: ArrayBuffer): string {
  let s = '';
  for (const b of new Uint8Array(bytes)) s += String.fromCharCode(b);
  return btoa(s).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

type Json = Record<string, unknown>;
interface Descriptor {
  id: string;
  type: 'public-key';
}

const keys = (list: unknown): PublicKeyCredentialDescriptor[] =>
  ((list ?? []) as Descriptor[]).map((d) => ({ ...d, id: toBytes(d.id) }));

// Newer browsers read the hub's JSON themselves; old phones don't, so it is done here.
const creation = (o: Json): PublicKeyCredentialCreationOptions => {
  const user = o.user as Json;
  return {
    ...(o as unknown as PublicKeyCredentialCreationOptions),
    challenge: toBytes(o.challenge as string),
    user: { ...(user as unknown as PublicKeyCredentialUserEntity), id: toBytes(user.id as string) },
    excludeCredentials: keys(o.excludeCredentials),
  };
};

const request = (o: Json): PublicKeyCredentialRequestOptions => ({
  ...(o as unknown as PublicKeyCredentialRequestOptions),
  challenge: toBytes(o.challenge as string),
  allowCredentials: keys(o.allowCredentials),
});

interface Options {
  options: { publicKey: Json };
}

/** The person said no, or the phone has no lock screen. */
const refused = () => new ApiError(403, 'home.phone_unproven', '');

async function asked(f: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let c: Credential | null;
  try {
    c = await f();
  } catch (err) {
    if (err instanceof DOMException && err.name === 'InvalidStateError') throw new ApiError(409, 'home.phone_known', '');
    throw refused();
  }
  if (!c) throw refused();
  return c as PublicKeyCredential;
}

const base = (c: PublicKeyCredential) => ({ id: c.id, rawId: toText(c.rawId), type: c.type, clientExtensionResults: c.getClientExtensionResults() });

/** Registers this phone under a name. */
export async function register(name: string): Promise<Phone> {
  const { options } = await post<Options>('/home/phones/begin');
  const c = await asked(() => navigator.credentials.create({ publicKey: creation(options.publicKey) }));
  const r = c.response as AuthenticatorAttestationResponse;
  return post<Phone>('/home/phones', {
    name,
    response: { ...base(c), response: { clientDataJSON: toText(r.clientDataJSON), attestationObject: toText(r.attestationObject) } },
  });
}

/** Has this phone prove itself for one opening of one door. */
export async function prove(door: string): Promise<Json> {
  const { options } = await post<Options>(`/home/doors/${encodeURIComponent(door)}/prove`);
  const c = await asked(() => navigator.credentials.get({ publicKey: request(options.publicKey) }));
  const r = c.response as AuthenticatorAssertionResponse;
  return {
    ...base(c),
    response: {
      clientDataJSON: toText(r.clientDataJSON),
      authenticatorData: toText(r.authenticatorData),
      signature: toText(r.signature),
      ...(r.userHandle && { userHandle: toText(r.userHandle) }),
    },
  };
}

export const phones = async (): Promise<Phone[]> => (await get<{ items: Phone[] | null }>('/home/phones')).items ?? [];
