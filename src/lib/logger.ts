import pino from 'pino';

/** Structured log: a static message with fields beside it. Never gets a secret. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export function createLogger(level: string, file: string | null): Logger {
  const destination =
    file === null
      ? pino.destination({ fd: 2, sync: true })
      : pino.destination({ dest: file, mkdir: true, sync: true, mode: 0o600 });
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
