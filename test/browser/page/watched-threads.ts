/** Counts the threads that Kiln's worker starts and ends, by a few lines in front of the worker's own. */

const CHANNEL = "threads";

const SPY = `{
  const channel = new BroadcastChannel("${CHANNEL}");
  const Original = self.Worker;
  self.Worker = class extends Original {
    constructor(url) {
      super(url);
      channel.postMessage("started");
    }
    terminate() {
      super.terminate();
      channel.postMessage("ended");
    }
  };
}
`;

const counts = { started: 0, ended: 0 };

new BroadcastChannel(CHANNEL).onmessage = ({ data }) => {
  counts[data as keyof typeof counts]++;
};

const OriginalBlob = Blob;
Reflect.set(
  globalThis,
  "Blob",
  class extends OriginalBlob {
    constructor(parts: string[], options: { readonly type: string }) {
      super([SPY, ...parts], options);
    }
  },
);

/** How many threads have been started, and how many of them have ended. */
export const threads = (): Readonly<Record<"started" | "ended", number>> => counts;

/** How many threads there were, once all have ended. */
export async function endedThreads(): Promise<number> {
  while (counts.ended < counts.started) await new Promise((resolve) => setTimeout(resolve, 10));
  return counts.ended;
}
