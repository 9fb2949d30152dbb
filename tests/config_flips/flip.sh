#!/bin/sh
# SPDX-License-Identifier: MIT
# One symbol in two positions: flip.sh SYMBOL PROGRAM EXPECTED OTHER_PROGRAM OTHER_EXPECTED. Both programs are the same source, each
# compiled with its own configuration; what each is seen to do must be its position, and the positions must differ.
set -eu
symbol=$1
if [ "$3" = "$5" ]; then
    echo "$symbol: both positions are $3" >&2
    exit 1
fi
for pair in "$2 $3" "$4 $5"; do
    seen=$("${pair% *}" "$symbol")
    echo "$(basename "${pair% *}"): $seen, expected ${pair##* }"
    [ "$seen" = "$symbol ${pair##* }" ]
done
