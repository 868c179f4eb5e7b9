#!/bin/sh
# Draws and encodes the clips of the simulated cameras: needs go and ffmpeg with
# libx264. Run it after a scene has changed, and commit the .h264 files.
#
# H.264 main profile, no B-frames, one slice, a key frame every 2 s with SPS and
# PPS in front of it, Annex B. 10 s loops: 250 frames at 25/s and 120 at 12/s.
set -eu
cd "$(dirname "$0")"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/draw" ./draw

encode() { # scene, name, width, height, frames a second, rate factor, limit
	"$bin/draw" -scene "$1" -w "$3" -h "$4" -fps "$5" |
		ffmpeg -v error -y -f rawvideo -pix_fmt rgb24 -s "$3x$4" -framerate "$5" -i - \
			-pix_fmt yuv420p -c:v libx264 -preset slow -profile:v main -bf 0 -slices 1 -threads 2 \
			-g $(($5 * 2)) -keyint_min $(($5 * 2)) -sc_threshold 0 -crf "$6" -maxrate "$7" -bufsize "$7" \
			-x264-params repeat-headers=1:open-gop=0:sliced-threads=0 -bsf:v filter_units=remove_types=6 \
			-f h264 "$1.$2.h264"
}

for scene in charger-shed unit-door east-gate plaza lamp-path car-park; do
	encode "$scene" main 1280 720 25 "${CRF_MAIN:-26}" 900k
	encode "$scene" sub 640 360 12 "${CRF_SUB:-28}" 220k
done
ls -l ./*.h264
