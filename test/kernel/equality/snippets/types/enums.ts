enum Color36 {
  Red,
  Green = 5,
  Blue,
  Name = "name",
}
console.log(Color36.Red, Color36.Blue, Color36[5], Color36.Name, Object.keys(Color36));
const enum Level36 {
  Low = 1,
  High = Low << 3,
}
console.log(Level36.High, Level36.Low);
function paint36(color: Color36) {
  return Color36[color as number] ?? color;
}
console.log(paint36(Color36.Green), paint36(Color36.Name));
