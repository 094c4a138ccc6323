/** One MoE layer of SwiGLU experts. */
export interface Sizes {
  experts: number;
  k: number;
  dim: number;
  hidden: number;
}

export const tokens = 2048;
export const shapes: Sizes[] = [
  { experts: 8, k: 2, dim: 512, hidden: 2048 },
  { experts: 8, k: 2, dim: 1024, hidden: 4096 },
  { experts: 64, k: 2, dim: 512, hidden: 2048 },
  { experts: 64, k: 2, dim: 1024, hidden: 1024 },
  { experts: 64, k: 8, dim: 1024, hidden: 512 },
];
export const dtypes = { bf16: "bfloat16", f32: "float32" } as const;
