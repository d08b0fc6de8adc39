#!/usr/bin/env bash
# Deletes a slice and stops its cost.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'END'
usage: delete.sh NAME --zone ZONE [options]

Deletes the slice NAME with everything on its disks, after asking. A run folder on a share or in a bucket stays.

  --queued                  the slice was created with --queued: delete the request together with the slice
  --yes                     do not ask
  --project PROJECT         default: gcloud's own
  --dry-run                 print the commands, run none
END
}

usage_if_asked "$@"
queued='' yes=''
while (($#)); do
  case $1 in
    --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    --queued) queued=1 && shift ;;
    --yes) yes=1 && shift ;;
    *) common_option "$@" && shift "$used" ;;
  esac
done
check_common

if [[ -z $yes && -z $dry_run ]]; then
  printf 'Delete %s in %s and everything on its disks? Type its name: ' "$slice" "$zone"
  answer=''
  read -r answer || true
  if [[ $answer != "$slice" ]]; then
    printf '\n%s: nothing was deleted\n' "$script" >&2
    exit 1
  fi
fi
if [[ -n $queued ]]; then
  run gcloud compute tpus queued-resources delete "$slice" "${place[@]}" --force --quiet
else
  run gcloud compute tpus tpu-vm delete "$slice" "${place[@]}" --quiet
fi
