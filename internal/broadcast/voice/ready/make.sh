#!/bin/sh
# Speaks and encodes the messages that come with the hub: needs espeak-ng, python3 and
# ffmpeg with libopus. Run it after messages.json has changed, and commit the .opus files.
#
# Opus at 16 kbit/s, 16 kHz mono. What espeak-ng (GPL-3.0) puts out is not covered by
# its licence; the program itself is not part of the hub.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
python3 - <<'P' | while IFS='	' read -r name voice speed text; do
import json
rows = json.load(open('messages.json')) + [{'id': 'drill', 'zh': '本次为演练，请勿惊慌。', 'en': 'Exercise. This is an exercise.'}]
for m in rows:
    print(m['id'] + '.zh', 'cmn', 165, m['zh'], sep='\t')
    print(m['id'] + '.en', 'en-gb', 150, m['en'], sep='\t')
P
	printf %s "$text" | espeak-ng -v "$voice" -s "$speed" -a 180 --stdin -w "$tmp" </dev/stdin
	ffmpeg -nostdin -v error -y -f wav -i "$tmp" -ar 16000 -ac 1 -c:a libopus -application voip -b:a 16k -map_metadata -1 -fflags +bitexact -flags +bitexact "$name.opus"
done
