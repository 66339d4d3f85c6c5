// What a script prints, up to a limit.

/** Keeps `most` bytes, counts the others, and tells `told(stream, text)` what is kept. */
export class Log {
  text = '';
  dropped = 0;
  #left;

  constructor(most, told) {
    this.#left = most;
    this.told = told;
  }

  write(stream, text) {
    const bytes = Buffer.byteLength(text);
    const kept = bytes <= this.#left ? text : head(text, this.#left);
    const size = kept === text ? bytes : Buffer.byteLength(kept);
    // The log has no gaps: behind the first text that is cut, nothing is kept.
    this.#left = size < bytes ? 0 : this.#left - size;
    this.dropped += bytes - size;
    this.text += kept;
    if (kept !== '') this.told?.(stream, kept);
  }
}

// The first bytes of a text, without a part of a character.
const head = (text, bytes) => new TextDecoder().decode(Buffer.from(text).subarray(0, bytes), { stream: true });
