import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { ApnsCredential, CredentialReason, TokenSettings } from './options.ts';
import { isKeyId, readKey } from './options.ts';

const minute = 60_000;
/** Apple refuses tokens older than an hour and wants no new one within 20 minutes; it is made anew in good time. */
const tokenAge = { refresh: 50 * minute, least: 20 * minute, most: 59 * minute } as const;
/** ms between two calls of a credential function that failed, or whose answer was refused again. */
const pause = { failed: 1000, refused: minute } as const;
/** ms that a credential function may take. */
const patience = 30_000;
/** ms by which the clock may step back before a token seems to come from the future. */
const tolerance = minute;

/** Why there is no token. */
export interface CredentialError {
  readonly code: 'tidings.invalid_credentials' | 'tidings.credentials_unavailable';
}

interface Signer {
  readonly key: KeyObject;
  readonly keyId: string;
}

/** The one provider token that all connections share. Fields are private: nothing of it shows when it is inspected. */
export class ProviderToken {
  readonly #settings: TokenSettings;
  readonly #now: () => number;
  #signer: Signer | undefined;
  #header: string | undefined;
  #issuedAt = 0;
  #refreshing: Promise<string | CredentialError> | undefined;
  #error: CredentialError | undefined;
  #askedAt = -Infinity;
  #refusal: { readonly header: string; readonly at: number } | undefined;

  /** @param now epoch ms */
  constructor(settings: TokenSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
    const { key, keyId } = settings;
    if (typeof key !== 'function') this.#signer = { key, keyId };
  }

  /** The `authorization` header: at once while it is good, else when it has been made. Never rejects. */
  current(): string | Promise<string | CredentialError> {
    if (this.#header === undefined) return this.#first();
    // Apple has just refused this one: whoever comes now waits for the next.
    if (this.#refreshing !== undefined && this.#refusal?.header === this.#header) return this.#refreshing;
    const age = this.#now() - this.#issuedAt;
    if (age > -tolerance && age < tokenAge.refresh) return this.#header;
    const refreshing = this.#refresh('expiring');
    return age > -tolerance && age < tokenAge.most ? this.#header : refreshing;
  }

  /** Apple refused this header. Asks for another key, and makes another token where that is allowed; single flight. */
  refused(header: string): void {
    if (header !== this.#header || this.#refreshing !== undefined) return;
    const at = this.#now();
    if (this.#refusal?.header === header && at - this.#refusal.at < pause.refused) return;
    this.#refusal = { header, at };
    void this.#refresh('refused');
  }

  #first(): Promise<string | CredentialError> {
    const resting = this.#error !== undefined && this.#now() - this.#askedAt < pause.failed;
    return resting ? Promise.resolve(this.#error as CredentialError) : this.#refresh('start');
  }

  #refresh(reason: CredentialReason): Promise<string | CredentialError> {
    this.#refreshing ??= this.#make(reason)
      .catch((): CredentialError => ({ code: 'tidings.invalid_credentials' }))
      .finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #make(reason: CredentialReason): Promise<string | CredentialError> {
    const before = this.#signer;
    const mayAsk = reason !== 'expiring' || this.#now() - this.#askedAt >= pause.failed;
    if (typeof this.#settings.key === 'function' && mayAsk) this.#error = await this.#ask(this.#settings.key, reason);
    const signer = this.#signer;
    if (signer === undefined) return this.#error ?? { code: 'tidings.credentials_unavailable' };
    const unchanged = before !== undefined && signer.keyId === before.keyId && signer.key.equals(before.key);
    const age = this.#now() - this.#issuedAt;
    const young = age > -tolerance && age < tokenAge.least;
    return this.#header !== undefined && unchanged && young ? this.#header : this.#sign(signer);
  }

  /** Takes over what the function returns; a failure leaves the last good key in place. */
  async #ask(
    source: (reason: CredentialReason) => unknown,
    reason: CredentialReason,
  ): Promise<CredentialError | undefined> {
    this.#askedAt = this.#now();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => (timer = setTimeout(reject, patience).unref()));
    try {
      const answer = (await Promise.race([source(reason), late])) as ApnsCredential;
      const { key, keyId } = hasKeyId(answer) ? answer : { key: answer, keyId: this.#settings.keyId };
      const parsed = readKey(key);
      if (parsed === undefined || !isKeyId(keyId)) return { code: 'tidings.invalid_credentials' };
      this.#signer = { key: parsed, keyId };
      return undefined;
    } catch {
      return { code: 'tidings.credentials_unavailable' };
    } finally {
      clearTimeout(timer);
    }
  }

  async #sign({ key, keyId }: Signer): Promise<string> {
    const issuedAt = this.#now();
    const token = await new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: keyId })
      .setIssuer(this.#settings.teamId)
      .setIssuedAt(Math.floor(issuedAt / 1000))
      .sign(key);
    this.#issuedAt = issuedAt;
    this.#header = `bearer ${token}`;
    return this.#header;
  }
}

function hasKeyId(answer: unknown): answer is { readonly key: string | Uint8Array; readonly keyId: string } {
  return typeof answer === 'object' && answer !== null && 'key' in answer;
}
