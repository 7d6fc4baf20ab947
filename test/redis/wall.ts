/** Sets the wall clock of this process off by `CLOCK_OFF` milliseconds. Imported before anything else reads it. */
const off = Number(process.env["CLOCK_OFF"])
const now = Date.now
Date.now = () => now() + off

export {}
