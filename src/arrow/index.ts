/** Arrow: tensors in and out of columns and tables without copies, and files that are mapped instead of read. */
export type { ArrowData, ArrowField, ArrowTable, ArrowType, ArrowVector } from "./arrowObjects.js";
export { ArrowFileError } from "./fileMetadata.js";
export { type FromArrowOptions, fromArrow, fromArrowTable } from "./fromArrow.js";
export { mapTable } from "./mapTable.js";
export { arrowMetadata, type OpenArrowOptions, openArrow } from "./openArrow.js";
export { type SaveArrowOptions, saveArrow } from "./saveArrow.js";
export { type ToArrowTableOptions, toArrow, toArrowTable } from "./toArrow.js";
