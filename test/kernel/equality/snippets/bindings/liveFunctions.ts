let cnt1 = 0;
function inc1() {
  cnt1++;
  return cnt1;
}
cnt1 = 100;
console.log(inc1(), cnt1);
const read1 = () => cnt1;
cnt1 = 7;
console.log(read1(), inc1());
