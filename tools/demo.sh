#!/usr/bin/env bash
# demo.sh DIRECTORY: starts the echo server that is built there, loads it from another process, and
# stops it. Fails if either of them does.
set -euo pipefail
ulimit -S -n "$(ulimit -H -n)" # a descriptor for each connection

coproc server { exec "$1/echo_server" --port 0; }
pid=$server_PID
trap 'kill "$pid" 2>/dev/null' EXIT
read -r _ _ _ port <&"${server[0]}" # listening on port N

"$1/echo_load" --port "$port" --connections 1000 --bytes 512 --seconds 5 --idle 4000 \
  --server-pid "$pid"
kill -TERM "$pid"
trap - EXIT
wait "$pid"
