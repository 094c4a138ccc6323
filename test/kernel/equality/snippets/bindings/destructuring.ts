const {
  a: { b: [first13, , third13 = 30, ...rest13] = [] as number[] } = {},
  missing: missing13 = "d",
  ...others13
} = { a: { b: [1, 2, undefined as unknown as number, 4, 5] }, missing: undefined, z: 26, y: 25 };
console.log(first13, third13, rest13, missing13, others13);
const key13 = "dyn";
const { [key13]: dyn13, [`${key13}2`]: dyn132 } = { dyn: 1, dyn2: 2 } as Record<string, number>;
console.log(dyn13, dyn132);
const [x13, [y13, { z: z13 }]] = [1, [2, { z: 3 }]] as const;
console.log(x13, y13, z13);
const f13 = ({ p, q = p * 2 }: { p: number; q?: number }, [r]: number[] = [9]) => [p, q, r];
console.log(f13({ p: 1 }), f13({ p: 1, q: 3 }, [4]));
