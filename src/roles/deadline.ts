/** Resolves when the work is done, or after so many milliseconds; rejects as the work does until then. */
export const forAtMost = async (ms: number, work: Promise<unknown>): Promise<void> => {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, Math.ceil(ms));
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
};
