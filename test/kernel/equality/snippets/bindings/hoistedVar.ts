//! whole: var is hoisted within one text
// @ts-ignore
console.log(typeof early4, early4);
var early4 = 1;
{
  var inner4 = early4 + 1;
}
console.log(early4, inner4);
for (var i4 = 0, j4 = 5; i4 < j4; i4++) j4--;
console.log(i4, j4);
var k4: string | undefined, v4: number | undefined;
for ([k4, v4] of Object.entries({ a: 1, b: 2 })) console.log(k4, v4);
for (var [k5, v5] of Object.entries({ a: 1, b: 2 })) console.log(k5, v5);
// @ts-ignore
console.log(k4, v4, k5, v5);
