#!/usr/bin/env python3
"""Plants one forbidden include of each kind in a small tree and expects scripts/check_layers.py to name it, and no other."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts"))
import check_layers

SOUND = {
    "include/posekit/image.h": "#include <vector>\n",
    "include/posekit/opencv.h": '#include <opencv2/core.hpp>\n#include "posekit/image.h"\n',
    "lib/geometry/crop.h": '#include <cmath>\n#include "posekit/image.h"\n',
    "lib/backend/model_backend.h": '#include "preprocess/staging.h"\n',
    "lib/torch/state.h": "#include <torch/script.h>\n",
    "lib/preprocess/staging.h": '#include <fmt/format.h>\n#include "geometry/crop.h"\n',
    "lib/torch/session.cc": '#include <torch/script.h>\n#include "torch/state.h"\n#include "backend/model_backend.h"\n',
    "lib/codec/decode.cc": '#include "geometry/crop.h"\n',
    "lib/estimator/estimator.cc": '#include "backend/model_backend.h"\n',
    "lib/base/bytes.h": "#include <span>\n",
    "lib/io/read.cc": '#include <opencv2/core.hpp>\n#include "base/bytes.h"\n',
    "capi/src/estimator.cc": '#include "posekit/image.h"\n#include "guard.h"\n#include "posekit_c.h"\n',
    "capi/src/guard.h": "#include <string>\n",
    "include/posekit/image_io.h": '#include "posekit/image.h"\n',
    "examples/cli/main.cc": '#include <CLI/CLI.hpp>\n#include "posekit/image.h"\n',
    "python/src/errors.h": "#pragma once\n",
    "python/src/io.cc": '#include <pybind11/pybind11.h>\n#include "errors.h"\n#include "posekit/image.h"\n',
    "tests/support/model_builder.cc": "#include <torch/script.h>\n",
}
FORBIDDEN = {
    "include/posekit/image.h": ["torch/script.h", "opencv2/core.hpp", "fmt/format.h", "nlohmann/json.hpp", "geometry/crop.h", "posekit/none.h"],
    "lib/geometry/crop.h": ["preprocess/staging.h", "backend/model_backend.h", "opencv2/core.hpp", "ATen/ATen.h", "boost/array.hpp"],
    "lib/preprocess/staging.h": ["backend/model_backend.h", "nlohmann/json.hpp", "CLI/CLI.hpp"],
    "lib/backend/model_backend.h": ["estimator/plan.h", "c10/core/Device.h", "torch/state.h"],
    "lib/torch/state.h": ["fmt/format.h", "nlohmann/json.hpp", "opencv2/core.hpp"],
    "lib/codec/decode.cc": ["torch/state.h", "torch/script.h", "backend/model_backend.h"],
    "lib/estimator/estimator.cc": ["torch/state.h"],
    "lib/base/bytes.h": ["geometry/crop.h"],
    "lib/io/read.cc": ["geometry/crop.h", "torch/script.h"],
    "lib/codec/pybind.cc": ["pybind11/numpy.h"],
    "python/src/io.cc": ["geometry/crop.h", "torch/extension.h", "opencv2/core.hpp", "fmt/format.h", "nlohmann/json.hpp"],
    "lib/novelty/new.cc": ["geometry/crop.h"],
    "capi/src/estimator.cc": ["geometry/crop.h", "torch/script.h", "fmt/format.h", "posekit/image_io.h", "posekit/opencv.h", "posekit/none.h"],
    "examples/cli/main.cc": ["geometry/crop.h", "torch/script.h", "opencv2/core.hpp"],
    "tests/support/model_builder.cc": ["fmt/format.h"],
}


def problems_of(tree):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in tree.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return check_layers.check(root)[1]


def main():
    wrong = [f"reported in a sound tree: {problem}" for problem in problems_of(SOUND)]
    for name, headers in FORBIDDEN.items():
        for header in headers:
            tree = dict(SOUND)
            tree[name] = tree.get(name, "") + f"#include <{header}>\n"
            if header == "estimator/plan.h":
                tree["lib/estimator/plan.h"] = ""
            problems = problems_of(tree)
            if len(problems) != 1 or not problems[0].startswith(name) or header not in problems[0]:
                wrong.append(f"{name} includes {header}: expected one problem, got {problems}")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{sum(map(len, FORBIDDEN.values()))} forbidden includes were found")


if __name__ == "__main__":
    main()
