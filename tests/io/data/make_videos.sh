#!/usr/bin/env bash
# Writes the videos of this folder, with ffmpeg. Frame number i of the source (10 a second) has the grey level 20 + 15 i.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# Variable frame rate: frames 0, 1, 2, 5, 6, 11. The index comes first in the file, so that a file that is cut off can still be read.
ffmpeg -loglevel error -y -f lavfi -i "color=gray:size=64x32:rate=10:duration=1.2,format=yuv420p,geq=lum='16+219/255*(20+15*N)':cb=128:cr=128" \
  -vf "select='between(n,0,2)+between(n,5,6)+eq(n,11)'" -vsync vfr -c:v mpeg4 -q:v 2 -g 1 -bitexact -fflags +bitexact -movflags +faststart variable_rate.mp4
