"""A sample of ONNX's backend suite for every test run: one case for each kind of operator, gradients included.

The whole suite is `pytest -m conformance`.
"""

import pytest

from tests.conformance.cases import load_case, load_node_case
from tests.conformance.finite_differences import stored_derivatives
from tests.conformance.float_vision import float_vision_cases
from tests.conformance.questions import forward_of, gradient_of

# By the module of onnx.backend.test.case.node that has them; pooling is below, its module takes seconds.
NODE_CASES = {
    "affinegrid": "test_affine_grid_2d_align_corners",
    "argmax": "test_argmax_negative_axis_keepdims_example_select_last_index",
    "attention": "test_attention_4d_gqa_causal",
    "batch_normalization": "test_batchnorm_epsilon",
    "cast": "test_cast_FLOAT_to_FLOAT16",
    "center_crop_pad": "test_center_crop_pad_crop_and_pad",
    "clip": "test_clip_splitbounds",
    "col2im": "test_col2im_strides",
    "compress": "test_compress_1",
    "concat": "test_concat_3d_axis_negative_2",
    "constantofshape": "test_constantofshape_float_ones",
    "conv": "test_conv_with_strides_and_asymmetric_padding",
    "convinteger": "test_convinteger_with_padding",
    "convtranspose": "test_convtranspose_output_shape",
    "cumsum": "test_cumsum_1d_reverse_exclusive",
    "deformconv": "test_deform_conv_with_mask_bias",
    "depthtospace": "test_depthtospace_crd_mode_example",
    "dequantizelinear": "test_dequantizelinear_axis",
    "div": "test_div_int32_trunc",
    "dropout": "test_dropout_default_mask_ratio",
    "dynamicquantizelinear": "test_dynamicquantizelinear",
    "einsum": "test_einsum_batch_diagonal",
    "elu": "test_elu",
    "erf": "test_erf",
    "expand": "test_expand_dim_unchanged",
    "flatten": "test_flatten_negative_axis2",
    "gather": "test_gather_2d_indices",
    "gatherelements": "test_gather_elements_1",
    "gathernd": "test_gathernd_example_int32_batch_dim1",
    "gelu": "test_gelu_tanh_2",
    "gemm": "test_gemm_all_attributes",
    "globalaveragepool": "test_globalaveragepool_precomputed",
    "gridsample": "test_gridsample_reflection_padding",
    "groupnormalization": "test_group_normalization_epsilon",
    "gru": "test_gru_bidirectional",
    "hardmax": "test_hardmax_one_hot",
    "hardsigmoid": "test_hardsigmoid",
    "hardswish": "test_hardswish",
    "if_": "test_if",
    "instance_normalization": "test_instancenorm_epsilon",
    "layernormalization": "test_layer_normalization_3d_axis0_epsilon",
    "leakyrelu": "test_leakyrelu_default",
    "logsoftmax": "test_logsoftmax_axis_0",
    "loop": "test_loop13_seq",
    "lrn": "test_lrn_default",
    "lstm": "test_lstm_with_peepholes",
    "matmul": "test_matmul_1d_3d",
    "maxunpool": "test_maxunpool_export_with_output_shape",
    "mish": "test_mish",
    "mod": "test_mod_mixed_sign_float32",
    "nonmaxsuppression": "test_nonmaxsuppression_two_classes",
    "onehot": "test_onehot_with_negative_axis",
    "optionalgetelement": "test_optional_get_element_sequence",
    "pad": "test_reflect_pad",
    "pow": "test_pow_types_int64_float32",
    "prelu": "test_prelu_broadcast",
    "qlinearconv": "test_qlinearconv",
    "quantizelinear": "test_quantizelinear_axis",
    "reduce_log_sum_exp": "test_reduce_log_sum_exp_negative_axes_keepdims_random",
    "reducesum": "test_reduce_sum_empty_axes_input_noop",
    "reshape": "test_reshape_zero_and_negative_dim",
    "resize": "test_resize_downsample_scales_cubic_A_n0p5_exclude_outside",
    "roialign": "test_roialign_aligned_true",
    "rotaryembedding": "test_rotary_embedding_interleaved",
    "scan": "test_scan9_multi_state",
    "scatterelements": "test_scatter_elements_with_negative_indices",
    "scatternd": "test_scatternd_multiply",
    "slice": "test_slice_neg_steps",
    "softmax": "test_softmax_large_number",
    "split": "test_split_variable_parts_2d_opset18",
    "tile": "test_tile",
    "topk": "test_top_k_smallest",
    "transpose": "test_transpose_all_permutations_3",
    "trilu": "test_tril_out_neg",
    "unsqueeze": "test_unsqueeze_unsorted_axes",
    "where": "test_where_example",
}
STORED_CASES = {
    "simple": ("test_sequence_model7", "test_strnorm_model_nostopwords_nochangecase"),
    "pytorch-converted": ("test_AvgPool3d_stride", "test_MaxPool2d_stride_padding_dilation", "test_PReLU_2d"),
    "pytorch-operator": ("test_operator_repeat", "test_operator_symbolic_override_nested"),
}
DERIVATIVES = stored_derivatives()


@pytest.mark.parametrize("module, name", NODE_CASES.items(), ids=NODE_CASES.values())
def test_an_operator_gives_the_answer_of_the_suite(module, name):
    outcome = forward_of("ours", load_node_case(module, name))
    assert outcome.passed, outcome


@pytest.mark.parametrize("suite, name", [(suite, name) for suite, names in STORED_CASES.items() for name in names])
def test_a_stored_model_gives_the_answer_of_the_suite(suite, name):
    outcome = forward_of("ours", load_case(suite, name))
    assert outcome.passed, outcome


@pytest.mark.parametrize("module, name", [(module, name) for module, name in NODE_CASES.items() if name in DERIVATIVES])
def test_an_operator_has_the_gradient_of_the_reference(module, name):
    outcome = gradient_of("ours", load_node_case(module, name), DERIVATIVES[name])
    assert outcome.passed, outcome


def test_the_sample_holds_mostly_what_vision_models_use():
    assert len(set(NODE_CASES.values()) & set(float_vision_cases())) > 60
    assert sum(name in DERIVATIVES for name in NODE_CASES.values()) > 40
