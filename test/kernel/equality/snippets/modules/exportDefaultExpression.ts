const value47 = 47;
export default { value47 };
console.log(value47);
