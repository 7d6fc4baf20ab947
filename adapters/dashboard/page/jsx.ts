/** The functions that TSX is compiled to. They are smaller than Preact's `jsx-runtime`. */
export { createElement as h, Fragment } from "preact"
