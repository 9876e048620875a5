"""Torch's operations by what relevance does at them."""

# Values move, are copied, chosen or left out; so is what comes back. Maxima and choices pass to the winner.
ROUTING = frozenset(
    """
    adaptive_max_pool1d adaptive_max_pool1d_with_indices adaptive_max_pool2d adaptive_max_pool2d_with_indices
    adaptive_max_pool3d adaptive_max_pool3d_with_indices alias amax amin as_strided atleast_1d atleast_2d atleast_3d
    bfloat16 broadcast_tensors broadcast_to cat channel_shuffle chunk clone column_stack concat concatenate
    constant_pad_nd contiguous copy cpu cuda detach diagonal double dsplit dstack expand expand_as fill flatten flip
    fliplr flipud float fmax fmin gather getitem half hsplit hstack im2col index index_copy index_put index_select
    lift_fresh masked_fill masked_scatter masked_select max max_pool1d max_pool1d_with_indices max_pool2d
    max_pool2d_with_indices max_pool3d max_pool3d_with_indices maximum max_unpool1d max_unpool2d max_unpool3d min
    minimum moveaxis movedim narrow native_channel_shuffle nan_to_num pad permute pixel_shuffle pixel_unshuffle
    reflection_pad1d reflection_pad2d repeat repeat_interleave replication_pad1d replication_pad2d requires_grad reshape
    reshape_as resolve_conj resolve_neg roll rot90 scatter select select_scatter setitem slice slice_scatter sort split
    split_with_sizes squeeze stack swapaxes swapdims T mT t take take_along_dim tensor_split tile to to_copy topk
    transpose tril triu type type_as unbind unflatten unfold unsafe_chunk unsafe_split unsafe_view unsqueeze view
    view_as vsplit vstack where zero zeros_like
    """.split()
)

# One value in, one value out: all that comes back passes.
ACTIVATIONS = frozenset(
    """
    alpha_dropout celu clamp clamp_max clamp_min clip dropout dropout1d dropout2d dropout3d elu feature_alpha_dropout
    feature_dropout gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid log_sigmoid mish native_dropout
    neg negative prelu prelu_kernel relu relu6 rrelu selu sigmoid silu softplus softshrink softsign tanh tanhshrink
    threshold
    """.split()
)

# Division by the energy of the neighbourhood, which counts as a constant: all that comes back passes.
SCALINGS = frozenset("local_response_norm rms_norm normalize".split())

# Linear in all image-dependent operands together: LRP-epsilon.
SUMS = frozenset(
    """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d add avg_pool1d avg_pool2d avg_pool3d cumsum fold col2im
    interpolate mean nansum rsub sub subtract sum upsample upsample_bilinear upsample_bicubic2d upsample_bilinear2d
    upsample_linear1d upsample_nearest upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_nearest_exact2d
    upsample_trilinear3d
    """.split()
)

# Products of several operands: a layer where one of them follows from the image, and no rule where two do.
CONTRACTIONS = frozenset("baddbmm bilinear bmm chain_matmul dot einsum inner matmul mm mv tensordot".split())

ADDITIONS = frozenset("add sub subtract rsub".split())
PRODUCTS = frozenset("mul multiply div divide true_divide".split())
BATCH_NORMS = frozenset("batch_norm native_batch_norm_legit_no_training".split())
NORMALIZATIONS = frozenset("layer_norm group_norm".split())
SAMPLINGS = frozenset("grid_sample grid_sampler".split())
