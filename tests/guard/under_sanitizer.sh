#!/bin/sh
# SPDX-License-Identifier: MIT
# Where a sanitizer has the heap, the guard keeps no budget: it says so once, passes through, and the program is served and
# watched as without it. Usage: under_sanitizer.sh LIBRARY
library=$1
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
failed=0
fixed= # ThreadSanitizer of gcc 12 does not cope with every address
setarch -R true 2>/dev/null && fixed="setarch -R"

fail() {
    echo "$*"
    failed=1
}

cat >"$dir/program.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    (void)argv;
    char *block = malloc(100), *aligned = aligned_alloc(64, 128);
    strcpy(block, "served");
    block = realloc(block, 100000);
    puts(block);
    if (argc > 1) {
        free(aligned);
        free(aligned); /* for the sanitizer to find */
    }
    free(block);
    return argc > 1 ? 0 : 7;
}
END

try() { # NAME COMPILER FLAGS...
    name=$1
    shift
    "$@" -g -o "$dir/program" "$dir/program.c" 2>"$dir/err" || { fail "$name: does not compile: $(cat "$dir/err")"; return; }
    out=$(LD_PRELOAD=$library HOLDFAST_HEAP=internal=64K ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 $fixed "$dir/program" 2>"$dir/err")
    [ $? -eq 7 ] && [ "$out" = served ] || fail "$name: not served: $out $(cat "$dir/err")"
    [ "$(grep -c 'NO BUDGET IS KEPT' "$dir/err")" -eq 1 ] || fail "$name: not said once: $(cat "$dir/err")"
    case $name in Thread*) ;; *) finds "$name" ;; esac
    [ "$failed" -ne 0 ] || echo "ok $name"
}

finds() { # NAME: the sanitizer still judges every free()
    if LD_PRELOAD=$library HOLDFAST_HEAP=internal=64K ASAN_OPTIONS=verify_asan_link_order=0 "$dir/program" x >"$dir/out" 2>&1; then
        fail "$1: the sanitizer does not see the double free"
    fi
}

try "AddressSanitizer of clang, in the program" clang -fsanitize=address
try "AddressSanitizer of gcc, a library behind us" gcc -fsanitize=address
try "ThreadSanitizer of clang" clang -fsanitize=thread
try "ThreadSanitizer of gcc, a library behind us" gcc -fsanitize=thread
# And of none: with no budget it passes through as well, and says so.
gcc -o "$dir/program" "$dir/program.c" || exit 2
out=$(LD_PRELOAD=$library "$dir/program" 2>"$dir/err")
{ [ $? -eq 7 ] && [ "$out" = served ] && grep -q 'HOLDFAST_HEAP is not set: no budget is kept' "$dir/err"; } || fail "without a budget: $out $(cat "$dir/err")"
# A budget that makes no sense ends it before it begins.
out=$(LD_PRELOAD=$library HOLDFAST_HEAP=internal=1T "$dir/program" 2>"$dir/err")
{ [ $? -eq 64 ] && [ -z "$out" ] && grep -q 'not a size' "$dir/err"; } || fail "a wrong budget: $out $(cat "$dir/err")"
out=$(LD_PRELOAD=$library HOLDFAST_HEAP=internal=64K HOLDFAST_HEAP_ROUTES=@"$dir/none" "$dir/program" 2>"$dir/err")
{ [ $? -eq 64 ] && grep -q 'cannot be read' "$dir/err"; } || fail "a missing rule file: $out $(cat "$dir/err")"
printf '# a comment\nsize:10K=psram\n' >"$dir/rules"
LD_PRELOAD=$library HOLDFAST_HEAP=internal=256K,psram=256K HOLDFAST_HEAP_ROUTES=@"$dir/rules" HOLDFAST_HEAP_REPORT="$dir/report.json" \
    "$dir/program" x >"$dir/out" 2>"$dir/err"
{ [ $? -eq 0 ] && grep -q '"double_gives":1,' "$dir/report.json" && grep -q '(program)+0x[0-9a-f]*, tag (none): is free already' "$dir/err"; } ||
    fail "a double free: $(cat "$dir/err" "$dir/report.json")"
grep -q '"name":"psram"[^}]*"peak":100' "$dir/report.json" || fail "the rule file: $(cat "$dir/report.json")"
[ "$failed" -eq 0 ] && echo "under sanitizer: all good"
exit $failed
