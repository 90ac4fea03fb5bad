"""The exported network gives what the network gives, for lengths and batches that it was not traced with."""

import numpy as np
import pytest
import torch

from understudy.learn.onnx import export_onnx
from understudy.retarget.nmr_network import NMRNetwork, network_config


@pytest.mark.parametrize("span", [None, (3, 1)])
def test_the_file_gives_the_same_motion(tmp_path, span):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    model = NMRNetwork(network_config("tiny", span=span), 20, 12).eval()
    model.human_mean.fill_(1.0)
    model.robot_std.fill_(0.3)
    torch.nn.init.ones_(model.gate)
    export_onnx(model, tmp_path / "nmr.onnx", {"human": torch.zeros(1, 16, 20)}, ["robot"])
    session = runtime.InferenceSession(tmp_path / "nmr.onnx")
    for batch, time in ((1, 16), (3, 40), (2, 100)):
        human = torch.randn(batch, time, 20)
        with torch.inference_mode():
            aim = model(human).numpy()
        [made] = session.run(["robot"], {"human": human.numpy()})
        np.testing.assert_allclose(made, aim, rtol=1e-4, atol=1e-5)
