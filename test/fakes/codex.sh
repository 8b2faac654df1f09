#!/bin/sh
# Stands in for the Codex CLI: as strict about its arguments as the real one where it matters, else it
# plays the scenes of claude.sh, which lies beside it as `claude`.
if [ "$1" = "--version" ]; then
  echo "codex-cli 0.169.0"
  exit 0
fi
if [ "$1 $2" != "exec --json" ]; then
  echo "error: unexpected argument '$2' found" >&2
  exit 2
fi
. "${0%/*}/claude"
