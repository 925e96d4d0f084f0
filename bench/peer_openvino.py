# SPDX-License-Identifier: Apache-2.0
"""OpenVINO beside Egbert: BERT in the operators of the ONNX standard (onnx_bert.py), which its own compiler fuses, for
latency, in f32. For each shape it is compiled twice, for that shape alone and for any; the faster one is measured.

Started by script/bench; peer.py has the conversation.
"""
import statistics
import sys
import time

import openvino as ov

import onnx_bert
from peer import measure, serve


class Model:
    def __init__(self, folder, threads):
        self.core = ov.Core()
        self.threads = threads
        self.model = self.core.read_model(onnx_bert.plain(*onnx_bert.read(folder)).SerializeToString())
        self.any_shape = self.compile(None)
        self.chosen = {}  # shape → (request, how)

    def compile(self, shape):
        model = self.model.clone()
        if shape:
            model.reshape({name: list(shape) for name in ("input_ids", "segment_ids")})
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": "f32",
                    "NUM_STREAMS": 1}
        return self.core.compile_model(model, "CPU", settings).create_infer_request()

    def choose(self, shape, feed):
        """Both in turns, for about a second; the faster one stays."""
        requests = {"fixed shape": self.compile(shape), "any shape": self.any_shape}
        times = {how: [] for how in requests}
        for request in requests.values():
            runner(request, feed)()
        end = time.perf_counter() + 1
        while time.perf_counter() < end or len(times["any shape"]) < 2:
            for how, request in requests.items():
                times[how] += measure(runner(request, feed), 0, least=1)[1]
        how = min(times, key=lambda k: statistics.median(times[k]))
        self.chosen = {shape: (requests[how], how)}

    def prepare(self, feed):
        shape = feed["input_ids"].shape
        if shape not in self.chosen:
            self.choose(shape, feed)
        request, how = self.chosen[shape]
        return runner(request, feed), how


def runner(request, feed):
    def run():
        request.infer(feed, share_inputs=True)
        return request.get_output_tensor(0).data

    return run


def main():
    model = Model(sys.argv[1], int(sys.argv[2]))
    serve("openvino " + ov.__version__.split("-")[0], model.prepare)


if __name__ == "__main__":
    main()
