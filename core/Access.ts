/** Who gets in. A choice that every program has to make: there is no default. */

/** The choice that was made. */
export type Access = { readonly _tag: "Open" }

/** Everybody may do everything. For a program on its own machine, or behind something that does the guarding. */
export const open: Access = { _tag: "Open" }
