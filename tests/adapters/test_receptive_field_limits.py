"""Receptive fields where a graph does more than move windows: what sees everything, and what is not known."""

from onnx import TensorProto, helper

from tests.adapters.chains import Chain, conv, everything, field_after, plain, windows


def test_a_scale_measured_on_the_whole_image_makes_everything_seen():
    quantize = helper.make_node("DynamicQuantizeLinear", ["image"], ["q", "scale", "zero"])
    dequantize = helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["out"])
    chain = Chain(conv(3))
    del chain.graph.node[:]
    chain.graph.node.extend([quantize, dequantize])
    assert chain.fields()["out"] == everything(64, 64)


def test_what_follows_an_unknown_operator_is_not_known():
    fields = Chain(conv(3, 1, 1), plain("Mystery"), plain("Relu"), plain("Add", "t0")).fields()
    assert fields["t0"] == windows(3, 1, -1)
    assert [fields[name] for name in ("t1", "t2", "t3")] == [None, None, None]


def test_a_known_name_in_a_foreign_domain_is_not_known():
    chain = Chain(plain("Relu"))
    chain.graph.node[0].domain = "my.company"
    assert chain.fields()["t0"] is None


def test_a_branch_that_takes_the_image_from_around_it_is_not_known():
    inner = helper.make_node("Relu", ["image"], ["branch"])
    info = helper.make_tensor_value_info("branch", TensorProto.FLOAT, None)
    body = helper.make_graph([inner], "body", [], [info])
    chain = Chain(plain("Relu"))
    chain.graph.node.append(helper.make_node("If", ["condition"], ["out"], then_branch=body, else_branch=body))
    assert chain.fields()["out"] is None


def test_settings_computed_while_the_model_runs_are_not_known():
    assert field_after(plain("Slice", "starts", "ends", [2])) is None
    assert field_after(plain("Slice", "starts", "ends", [1])) == windows(1, 1, 0)  # rows and columns stay whole


def test_an_image_of_unknown_size_is_not_known():
    assert field_after(conv(3), shape=(1, 1, None, None)) is None


def test_what_does_not_depend_on_the_image_has_no_entry():
    chain = Chain(plain("Shape"), plain("Cast", to=TensorProto.FLOAT))
    assert set(chain.fields()) == {"image"}


def test_kernels_that_depend_on_the_image_see_everything():
    chain = Chain(plain("Slice", [0, 0], [3, 3], [2, 3]))
    chain.graph.node.append(helper.make_node("Conv", ["image", "t0"], ["out"], kernel_shape=[3, 3]))
    assert chain.fields()["out"] == everything(64, 64)
