/** Times as the Go system writes them. */

/** `2026-11-22 16:03:11.000`, in the zone of this machine as the Go system has it. */
export const goTime = (ms: number): string => {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
};

/** A Go duration below a minute or above: `3.5ms`, `12s`. */
export const goDuration = (ms: number): string => (ms < 1000 ? `${ms}ms` : `${ms / 1000}s`);
