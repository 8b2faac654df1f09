#!/bin/sh
# Stands in for the Claude Code CLI: answers --version, and plays the next scene of $FAKE_PLAN
# (1.sh, 2.sh, ..., else default.sh), counting calls. Scenes see ORCH_RUN_ID and the prompt on stdin.
if [ "$1" = "--version" ]; then
  [ -f "$FAKE_PLAN/version" ] && . "$FAKE_PLAN/version"
  echo "2.1.330 (Claude Code)"
  exit 0
fi
n=1
while ! mkdir "$FAKE_PLAN/call-$n" 2>/dev/null; do n=$((n + 1)); done
printf '%s\n' "$@" >"$FAKE_PLAN/call-$n/argv"
env >"$FAKE_PLAN/call-$n/env"
cat >"$FAKE_PLAN/call-$n/prompt.part"
mv "$FAKE_PLAN/call-$n/prompt.part" "$FAKE_PLAN/call-$n/prompt"
scene="$FAKE_PLAN/$n.sh"
[ -f "$scene" ] || scene="$FAKE_PLAN/default.sh"
. "$scene"
