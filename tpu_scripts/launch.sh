#!/usr/bin/env bash
# Starts a run on every worker of a slice; it goes on when the connection ends.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'END'
usage: launch.sh NAME --zone ZONE [options] -- train --gin_file FILE [any arguments of jaxit]

Starts `jaxit` with the words after -- on every worker of the slice NAME, exactly as they stand, in the folder
of the checkout. It is detached from the connection, and started again when it ends with 75 (stopped by
preemption) or 76 (hang): it then resumes from its last checkpoint. See it with watch.sh.

  --run NAME                the name of the run for watch.sh and its log (default: run)
  --env KEY=VALUE           an environment variable for jaxit; may be repeated
  --max-restarts N          give up after so many restarts (100)
  --project PROJECT         default: gcloud's own
  --dry-run                 print the commands, run none
END
}

usage_if_asked "$@"
run_name=run max_restarts=100 environment=() words=()
while (($#)); do
  case $1 in
    --) shift && words=("$@") && break ;;
    --env) need_value "$@" && environment+=("$2") && shift 2 ;;
    --env=*) environment+=("${1#*=}") && shift ;;
    --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    --run) need_value "$@" && run_name=$2 && shift 2 ;;
    --max-restarts) need_value "$@" && max_restarts=$2 && shift 2 ;;
    *) common_option "$@" && shift "$used" ;;
  esac
done
check_common
check_form '--run' "$run_name" '[A-Za-z0-9][A-Za-z0-9_.-]*' 'flan-base-1'
check_form '--max-restarts' "$max_restarts" '[0-9]+' '100'
for variable in ${environment[@]+"${environment[@]}"}; do
  [[ $variable =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || fail "--env $(quote "$variable") is not KEY=VALUE"
done
((${#words[@]})) || fail 'the words for jaxit are missing; put them after --, e.g. -- train --gin_file gin/recipes/x.gin'

start=(bash jaxit/tpu_scripts/worker.sh start "$run_name" "$max_restarts")
start+=(${environment[@]+"${environment[@]}"} -- "${words[@]}")
on_workers all "$(quote "${start[@]}")"
