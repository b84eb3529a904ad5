import type { Adapter, Failure } from '@tidings/core';
import { checked, classifyHttp, defineAdapter } from '@tidings/core';

export interface ChatTarget {
  /** The incoming-webhook URL of a room: a secret. */
  readonly hook: string;
}
export interface ChatNative {
  /** Laid out by the application, in the chat's own format. */
  readonly blocks?: readonly object[];
}

/** What the chat says in its own words; every other status is read by its class. */
const answers: { readonly [status: string]: Failure } = {
  404: { kind: 'unregistered', scope: 'target', code: 'no_service' },
  // Each hook is its own secret: one that is refused must not stop the others.
  403: { kind: 'rejected', scope: 'target', code: 'action_prohibited' },
};
const tooLarge: Failure = { kind: 'rejected', scope: 'message', code: 'msg_too_long' };
const mostCharacters = 40_000;

/** A custom adapter, whole: posts to chat rooms. Hooks come from users, so only those of these origins are called. */
export function chat({
  origins,
}: {
  readonly origins: readonly string[];
}): Adapter<'chat', ChatTarget, unknown, ChatNative> {
  const isHook = (hook: unknown): boolean =>
    typeof hook === 'string' && origins.includes(URL.parse(hook)?.origin ?? '');

  return defineAdapter({
    provider: 'chat',
    target: checked<ChatTarget>((value) =>
      isHook((value as Partial<ChatTarget> | null)?.hook)
        ? undefined
        : { message: "expected a hook of the chat's own", path: ['hook'] },
    ),
    native: checked<ChatNative>((value) =>
      Array.isArray((value as ChatNative | null)?.blocks)
        ? undefined
        : { message: 'expected a list', path: ['blocks'] },
    ),
    limits: { payloadBytes: mostCharacters },
    // A message that arrives twice is worse here than one that is missing.
    policy: { rate: '1/s', ambiguous: 'stop' },
    send: (deliveries, { signal }) =>
      Promise.all(
        deliveries.map(async ({ target, content, native }) => {
          const body = JSON.stringify({ text: content.body ?? content.title, ...native });
          if (body.length > mostCharacters) return tooLarge;
          const headers = { 'content-type': 'application/json' };
          // A redirect would be a second request. What fetch throws is read by the engine: refused is unsent, all else ambiguous.
          const response = await fetch(target.hook, { method: 'POST', headers, body, signal, redirect: 'manual' });
          // The status says it all, and an unread body would keep the connection.
          void response.body?.cancel().catch(() => undefined);
          return classifyHttp(response, answers);
        }),
      ),
  });
}
