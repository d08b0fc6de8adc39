#!/usr/bin/env bash
# Creates a TPU VM slice, at once or through the queue.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'END'
usage: create.sh NAME --zone ZONE --topology GENERATION:SHAPE [options]

Creates the slice NAME. The topology is written as in `jaxit plan`: v4:2x2x2, v5e:4x4, v5p:4x4x4, v6e:8x8.

  --spot                    much cheaper; may be taken away at any time (jaxit resumes by itself on the next slice)
  --queued                  wait in the queue until the slice is there; an interrupt leaves the request in the queue
  --valid-until DURATION    with --queued: withdraw the request after 6h, 2d, ...
  --poll SECONDS            with --queued: how often to look (30)
  --runtime-version NAME    the VM image (default: the one for JAX of this generation)
  --project PROJECT         default: gcloud's own
  --dry-run                 print the commands, run none
END
}

# Sets `accelerator` and `image` for a topology. The Cloud TPU API makes these shapes from the accelerator type
# alone; v4 and v5p types count cores (two in a chip), v5e and v6e types count chips.
parse_topology() {
  local generation=${1%%:*} shape=${1#*:} cores=1 flat='1x1 2x2 2x4 4x4 4x8 8x8 8x16 16x16'
  local solid='2x2x1 2x2x2 2x2x4 2x4x4 4x4x4 4x4x8 4x8x8 8x8x8 8x8x16 8x16x16' shapes
  case $generation in
    v4) shapes=$solid cores=2 accelerator=v4 image=tpu-ubuntu2204-base ;;
    v5p) shapes=$solid cores=2 accelerator=v5p image=v2-alpha-tpuv5 ;;
    v5e) shapes=$flat accelerator=v5litepod image=v2-alpha-tpuv5-lite ;;
    v6e) shapes=$flat accelerator=v6e image=v2-alpha-tpuv6e ;;
    tpu7x) fail 'the Cloud TPU API has no tpu7x; it is to be had through GKE or Compute Engine only' ;;
    *) fail "unknown TPU generation $(quote "$generation"); choices: v4, v5e, v5p, v6e" ;;
  esac
  [[ " $shapes " == *" $shape "* ]] || fail "$generation has no shape $(quote "$shape"); choices: $shapes"
  accelerator=$accelerator-$((${shape//x/*} * cores))
}

# Waits until the queued request has become a slice; a request that can't become one any more ends with code 1.
wait_for_slice() {
  local describe=(gcloud compute tpus queued-resources describe "$slice" "${place[@]}" '--format=value(state.state)')
  if [[ -n $dry_run ]]; then
    run "${describe[@]}"
    return
  fi
  local state last=''
  while true; do
    state=$("${describe[@]}")
    [[ $state == "$last" ]] || printf '%s: request %s is %s\n' "$script" "$slice" "$state"
    last=$state
    case $state in
      ACTIVE) return 0 ;;
      FAILED | SUSPENDING | SUSPENDED)
        printf '%s: the request is over; remove it with delete.sh %s --zone %s --queued\n' "$script" "$slice" "$zone" >&2
        return 1
        ;;
    esac
    sleep "$poll"
  done
}

usage_if_asked "$@"
topology='' spot='' queued='' valid_until='' poll=30 runtime_version=''
while (($#)); do
  case $1 in
    --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    --topology) need_value "$@" && topology=$2 && shift 2 ;;
    --spot) spot=1 && shift ;;
    --queued) queued=1 && shift ;;
    --valid-until) need_value "$@" && valid_until=$2 && shift 2 ;;
    --poll) need_value "$@" && poll=$2 && shift 2 ;;
    --runtime-version) need_value "$@" && runtime_version=$2 && shift 2 ;;
    *) common_option "$@" && shift "$used" ;;
  esac
done
check_common
check_form '--topology' "$topology" '[a-z0-9]+:[0-9]+(x[0-9]+){1,2}' 'v5e:4x4'
parse_topology "$topology"
check_form '--poll' "$poll" '[0-9]+' '30'
check_form '--runtime-version' "${runtime_version:=$image}" '[a-z0-9][-a-z0-9.]*' "$image"
options=("${place[@]}" "--accelerator-type=$accelerator")
[[ -z $spot ]] || options+=(--spot)

if [[ -z $queued ]]; then
  [[ -z $valid_until ]] || fail '--valid-until needs --queued'
  run gcloud compute tpus tpu-vm create "$slice" "${options[@]}" "--version=$runtime_version"
else
  if [[ -n $valid_until ]]; then
    check_form '--valid-until' "$valid_until" '[0-9]+[smhd]' '6h'
    options+=("--valid-until-duration=$valid_until")
  fi
  run gcloud compute tpus queued-resources create "$slice" "--node-id=$slice" "${options[@]}" \
    "--runtime-version=$runtime_version"
  wait_for_slice
fi
