#!/usr/bin/env bash
# Opens one installation of a wheel with the torch of several environments, and holds the results against each other.
#
#   scripts/check_wheel.sh WHEEL PYTHON PYTHON [OTHER]    each a Python with numpy and a torch; the first two torches are of minor versions that the
#                                                         wheel has libraries for, that of OTHER is of one that it has none for
#
# Keypoints must agree within 1e-4 pixels, and with OTHER the first model must be refused with all versions. Without torch the message must say
# what to install.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
say() { printf '== [%4ds] %s\n' "$SECONDS" "$*"; }
die() { printf 'check_wheel: %s\n' "$*" >&2; exit 1; }
[ $# -ge 3 ] || die "usage: scripts/check_wheel.sh WHEEL PYTHON PYTHON [OTHER]"
set -- "$(realpath "$1")" $(for python in "${@:2}"; do realpath -s "$(command -v "$python")"; done)
wheel=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" # not where a posekit could be imported from
"$2" -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" "$wheel"

# run PYTHON OUT: the people of two photos
run() {
  PYTHONPATH=$folder/packages "$1" - "$root/examples/images" "$2" <<'PYTHON'
import json
import sys
from pathlib import Path

import posekit

assert "torch" not in sys.modules, "importing posekit has imported torch"
predictor = posekit.Predictor(posekit.PoseEstimator(), posekit.PersonDetector())
people = {}
for name in ("astronaut.jpg", "people.jpg"):
    image = posekit.read_image(Path(sys.argv[1]) / name)
    result = predictor.predict(image)
    people[name] = result.keypoints.tolist()
    posekit.write_image(f"{sys.argv[2]}.{name}.png", posekit.draw_poses(image, result))
built_for, running = posekit.torch_versions()
print(f"   built for Torch {built_for}, runs with {running}: {sum(map(len, people.values()))} people")
Path(sys.argv[2]).write_text(json.dumps(people))
PYTHON
}

say "one installation, two torches"
run "$2" "$folder/first.json"
run "$3" "$folder/second.json"
"$2" - "$folder/first.json" "$folder/second.json" <<'PYTHON'
import json
import sys
from pathlib import Path

import numpy as np

first, second = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
worst = max(np.abs(np.array(first[name]) - np.array(second[name])).max() for name in first)
assert all(len(people) > 0 for people in first.values())
print(f"   worst difference: {worst:.2g} pixels")
assert worst <= 1e-4, worst
PYTHON

refused() { # refused PYTHON WORD...: the first model fails with these words
  local message
  message=$(PYTHONPATH=$folder/packages "$1" -c '
import posekit
try:
    posekit.PoseEstimator()
except (posekit.Error, ImportError) as error:
    print(error)
')
  for word in "${@:2}"; do [[ $message == *"$word"* ]] || die "expected \"$word\" in: $message"; done
  echo "   $message"
}
version() { "$1" -c 'import torch; print(".".join(torch.__version__.split(".")[:2]))'; }

if [ $# -ge 4 ]; then
  say "a torch that it has no library for"
  refused "$4" "$(version "$2")" "$(version "$3")" "$(version "$4")"
fi
say "no torch"
"$2" -m venv "$folder/bare"
cp -r "$("$2" -c 'import numpy; print(numpy.__path__[0])')" "$("$2" -c 'import numpy; print(numpy.__path__[0])').libs" "$(echo "$folder"/bare/lib/python3*/site-packages)"
refused "$folder/bare/bin/python" "pip install torch"
