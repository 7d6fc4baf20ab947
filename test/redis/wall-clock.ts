/** Shifts the wall clock of this process by `CLOCK_OFF` milliseconds. To be imported first. */
const off = Number(process.env["CLOCK_OFF"])
const now = Date.now
Date.now = () => now() + off

export {}
