/** What has happened so far. */
export interface Counts {
  settled: number;
  accepted: number;
  failed: number;
  retries: number;
}

export interface Progress {
  /** Ends the live line, so that what follows begins on a fresh one. */
  stop(): void;
}

/** One line that is always up to date on a terminal, else a line a second at most. */
export function showProgress(
  output: NodeJS.WriteStream,
  counts: Readonly<Counts>,
  total: number,
  elapsed: () => number,
): Progress {
  const live = output.isTTY;
  let shown = '';
  const show = (): void => {
    const line = progressLine(counts, total, elapsed());
    output.write(live ? `\r\u001b[K${line}` : `${line}\n`);
    shown = line;
  };
  const timer = setInterval(show, live ? 100 : 1000);
  return {
    stop() {
      clearInterval(timer);
      if (live) {
        show();
        output.write('\n');
      } else if (shown !== '') output.write('\n');
    },
  };
}

/** @param seconds since the beginning */
export function progressLine({ settled, accepted, failed, retries }: Counts, total: number, seconds: number): string {
  const rate = seconds > 0 ? Math.round(settled / seconds) : 0;
  const texts = [
    `${seconds.toFixed(1)} s`,
    `${grouped(settled)} of ${grouped(total)} settled (${Math.floor((settled / total) * 100)} %)`,
    `${grouped(accepted)} accepted`,
    `${grouped(failed)} failed`,
    `${grouped(retries)} retries`,
    `${grouped(rate)}/s`,
  ];
  return texts.join('   ');
}

export function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
