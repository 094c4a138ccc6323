/**
 * The operators that are typed: functions `torch.NAME`, and methods where the first parameter is `self`. Few enough
 * that checking a cell stays fast; all others are reachable through `torch.ops`. After a change run
 * `npm run generate`.
 */
export const operatorNames: readonly string[] = `
zeros ones empty full arange linspace eye rand randn randint randperm
zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_empty new_full scalar_tensor

add sub mul div rsub neg reciprocal remainder fmod floor_divide pow square sqrt rsqrt exp expm1 exp2 log log1p log2 log10
abs sign sgn floor ceil round trunc frac clamp clamp_min clamp_max maximum minimum sin cos tan asin acos atan sinh cosh
tanh atan2 sigmoid erf erfinv logaddexp lerp addcmul addcdiv nan_to_num logical_and logical_or logical_not logical_xor
bitwise_and bitwise_or bitwise_not bitwise_xor __lshift__ __rshift__
add_ sub_ mul_ div_ pow_ neg_ exp_ log_ sqrt_ rsqrt_ clamp_ clamp_min_ clamp_max_ lerp_ addcmul_ addcdiv_ sigmoid_ tanh_ relu_
eq ne lt le gt ge isnan isinf isfinite allclose isclose equal where

sum mean prod max min amax amin argmax argmin std var median norm linalg_vector_norm logsumexp cumsum cumprod all any
count_nonzero nansum unique_consecutive bincount histc topk sort argsort kthvalue searchsorted bucketize multinomial

view reshape view_as reshape_as flatten unflatten squeeze unsqueeze transpose t permute contiguous expand expand_as
repeat repeat_interleave tile narrow select slice split split_with_sizes chunk unbind cat stack hstack vstack flip roll
movedim swapaxes diagonal diag tril triu gather scatter scatter_add scatter_reduce index_select index_add index_copy
index index_put masked_fill masked_select masked_scatter take take_along_dim nonzero unfold clone detach alias
squeeze_ unsqueeze_ transpose_ t_ scatter_ scatter_add_ index_add_ index_copy_ index_put_ masked_fill_ copy_ fill_ zero_
detach_ resize_ is_contiguous one_hot meshgrid broadcast_to broadcast_tensors ravel numel

matmul mm bmm mv dot outer addmm baddbmm einsum linear tensordot linalg_norm linalg_qr linalg_svd linalg_inv linalg_solve
cdist cosine_similarity

relu gelu silu softplus leaky_relu elu hardtanh glu mish softmax log_softmax dropout layer_norm rms_norm group_norm
batch_norm embedding conv1d conv2d max_pool2d avg_pool2d adaptive_avg_pool2d scaled_dot_product_attention
cross_entropy_loss nll_loss mse_loss l1_loss binary_cross_entropy_with_logits kl_div pad

normal_ uniform_ bernoulli bernoulli_ exponential_ random_ normal
_foreach_add_ _foreach_mul_ _foreach_norm _fused_adamw_ _grouped_mm from_file
`
  .trim()
  .split(/\s+/);
