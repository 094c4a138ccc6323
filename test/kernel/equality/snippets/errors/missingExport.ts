//! throws
//! whole: imports come first in one text
// @ts-ignore
import { present68, absent68 } from "untyped-package";
console.log("not reached", present68, absent68);
