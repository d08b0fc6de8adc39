#!/usr/bin/env bash
# Shows the log of a run and the health of every worker.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'END'
usage: watch.sh NAME --zone ZONE [options]

Prints one line for each worker of the slice NAME and the end of one worker's log. The exit code is 0 while every
worker runs or has finished, 1 when one is dead, failed, silent or out of reach.

  --run NAME                the run, as given to launch.sh (default: run)
  --follow                  look again and again, until all have finished or one is dead
  --interval SECONDS        with --follow: how often (30)
  --worker N                whose log to show (0)
  --lines N                 how many lines of the log to begin with (20)
  --silent SECONDS          a running worker whose log is older than this is reported (900)
  --project PROJECT         default: gcloud's own
  --dry-run                 print the commands, run none
END
}

# Sets `workers` to the number of hosts; a slice that is not ready ends the watch.
check_slice() {
  local describe=(gcloud compute tpus tpu-vm describe "$slice" "${place[@]}" '--format=value(state,networkEndpoints.len())')
  if [[ -n $dry_run ]]; then
    run "${describe[@]}"
    return
  fi
  local answer state
  answer=$("${describe[@]}")
  read -r state workers <<<"$answer"
  if [[ $state != READY ]]; then
    printf '%s: slice %s is %s\n' "$script" "$slice" "$state" >&2
    if [[ $state == PREEMPTED || $state == TERMINATED ]]; then
      printf '%s: delete it, create it again, set it up and launch: the run resumes from its run folder\n' "$script" >&2
    fi
    exit 1
  fi
}

# Reads the report of all workers: sets `summary`, `dead` and `finished` (numbers of workers), and for the worker
# whose log is shown `bytes`.
judge() {
  local i line number state detail age size
  summary='' dead=0 finished=0 bytes=$seen
  for ((i = 0; i < workers; i++)); do
    line=$(grep "^@worker $i " <<<"$1") || line="@worker $i unreachable"
    read -r _ number state detail age size <<<"$line"
    [[ $number != "$worker" || $state == unreachable ]] || bytes=$size
    if [[ $state == running ]] && ((age > silent)); then
      state=silent
    fi
    case $state in
      running | finished) ;;
      *) dead=$((dead + 1)) ;;
    esac
    [[ $state != finished ]] || finished=$((finished + 1))
    summary+="worker $number: $(describe_worker "$state" "$detail" "$age")"$'\n'
  done
}

# Prints the state of a worker in words.
describe_worker() {
  case $1 in
    running) printf 'running (restarts: %s)' "$2" ;;
    silent) printf 'SILENT for %s s (restarts: %s)' "$3" "$2" ;;
    finished) printf 'finished' ;;
    failed) printf 'FAILED with exit code %s' "$2" ;;
    dead) printf 'DEAD, its supervisor is gone' ;;
    unreachable) printf 'OUT OF REACH' ;;
    absent) printf 'has no run %s' "$run_name" ;;
  esac
}

usage_if_asked "$@"
run_name=run follow='' interval=30 worker=0 lines=20 silent=900 workers=0 seen=0 bytes=0 dead=0 finished=0
summary='' last_summary=''
while (($#)); do
  case $1 in
    --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    --run) need_value "$@" && run_name=$2 && shift 2 ;;
    --follow) follow=1 && shift ;;
    --interval) need_value "$@" && interval=$2 && shift 2 ;;
    --worker) need_value "$@" && worker=$2 && shift 2 ;;
    --lines) need_value "$@" && lines=$2 && shift 2 ;;
    --silent) need_value "$@" && silent=$2 && shift 2 ;;
    *) common_option "$@" && shift "$used" ;;
  esac
done
check_common
check_form '--run' "$run_name" '[A-Za-z0-9][A-Za-z0-9_.-]*' 'flan-base-1'
check_form '--interval' "$interval" '[0-9]+' '30'
check_form '--worker' "$worker" '[0-9]+' '0'
check_form '--lines' "$lines" '[0-9]+' '20'
check_form '--silent' "$silent" '[0-9]+' '900'
on_worker='bash jaxit/tpu_scripts/worker.sh'

while true; do
  check_slice
  if [[ -n $dry_run ]]; then
    on_workers all "$on_worker report $run_name"
    on_workers "$worker" "$on_worker log $run_name $lines 0 BYTES"
    exit 0
  fi
  # gcloud fails when one worker is out of reach; what the others said still counts.
  report=$(on_workers all "$on_worker report $run_name") || true
  judge "$report"
  [[ $summary == "$last_summary" ]] || printf '%s' "$summary"
  last_summary=$summary
  # Apart from the report: outputs of several workers at once may mix within a line when they are long.
  if ((bytes > seen)); then
    on_workers "$worker" "$on_worker log $run_name $lines $seen $bytes" || true
    seen=$bytes
  fi
  ((dead == 0)) || exit 1
  if [[ -z $follow ]] || ((finished == workers)); then
    exit 0
  fi
  sleep "$interval"
done
