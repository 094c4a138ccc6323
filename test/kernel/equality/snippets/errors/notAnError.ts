//! throws
console.log("throws a string");
throw "just text";
