/** So many at a time; others wait, in their order. */
export class Turns {
  #free;
  #waiting = new Set();

  constructor(number) {
    this.#free = number;
  }

  /** Takes a turn. False: the signal came first, and there is nothing to give back. */
  async take(signal) {
    if (signal?.aborted) return false;
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    return new Promise((resolve) => {
      // Whichever comes first removes the other: a turn that was given is never lost to a signal.
      const come = () => {
        signal?.removeEventListener('abort', leave);
        resolve(true);
      };
      const leave = () => {
        this.#waiting.delete(come);
        resolve(false);
      };
      this.#waiting.add(come);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  /** Gives a turn back, to the one that has waited longest. */
  give() {
    const [next] = this.#waiting;
    if (!next) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
