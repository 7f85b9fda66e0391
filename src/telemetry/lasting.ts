/** `42 s`, `5 min`, `3 h`: how long something took, in milliseconds, for a log line. */
export const lasting = (ms: number): string => {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
};
