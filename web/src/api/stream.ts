export interface StreamEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export interface StreamHandlers {
  readonly onOpen: () => void;
  readonly onEvent: (event: StreamEvent) => void;
  /** Anything came, a comment line too: the other end lives. */
  readonly onBeat: () => void;
}

/**
 * Reads server-sent events until the connection ends, or the signal. `EventSource` hides the comment lines
 * by which a quiet server shows that it lives, and cannot resume a stream in another object.
 */
export async function readStream(
  url: string,
  handlers: StreamHandlers,
  options: { lastEventId: string | null; signal: AbortSignal },
): Promise<void> {
  const response = await fetch(url, {
    headers: {
      accept: 'text/event-stream',
      ...(options.lastEventId === null ? {} : { 'last-event-id': options.lastEventId }),
    },
    credentials: 'same-origin',
    cache: 'no-store',
    signal: options.signal,
  });
  if (!response.ok || response.body === null) throw new StreamRefused(response.status);
  handlers.onOpen();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = createParser(handlers.onEvent);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    handlers.onBeat();
    parser(value);
  }
}

class StreamRefused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the stream was refused with status ${status}`);
    this.status = status;
  }
}

/** Cuts text that comes in pieces of any length into events. */
export function createParser(onEvent: (event: StreamEvent) => void): (text: string) => void {
  let rest = '';
  let id = '';
  let event = '';
  let data: string[] = [];
  return (text) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) onEvent({ id, event: event === '' ? 'message' : event, data: data.join('\n') });
        event = '';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'data') data.push(value);
      else if (field === 'event') event = value;
      else if (field === 'id') id = value;
    }
  };
}
