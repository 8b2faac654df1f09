#!/bin/sh
# Stands in for opencode: as strict about its arguments as the real one where it matters, else it plays
# the scenes of claude.sh, which lies beside it as `claude`.
if [ "$1" = "--version" ]; then
  echo "1.18.33"
  exit 0
fi
if [ "$1 $2 $3" != "run --format json" ]; then
  echo "opencode run [message..]" >&2
  exit 1
fi
. "${0%/*}/claude"
