#!/usr/bin/env bash
# demo.sh DIRECTORY: starts the echo server that is built there, loads it from another process, and
# stops it. Fails if either of them does.
set -euo pipefail

exec {output}< <(exec "$1/echo_server" --port 0)
server=$!
trap 'kill "$server" 2>/dev/null' EXIT
read -r _ _ _ port <&"$output" # listening on port N

limit=$(ulimit -Hn) # of open files; both programs raise theirs to it
idle=10000
[[ $limit == unlimited || $limit -gt 10200 ]] || idle=$((limit - 200))

"$1/echo_load" --port "$port" --connections 1000 --bytes 512 --seconds 5
"$1/echo_load" --port "$port" --idle "$idle" --bytes 512 --server-pid "$server"

kill -TERM "$server"
trap - EXIT
cat <&"$output"
wait "$server"
