#!/usr/bin/env bash
# Puts this checkout and its environment on every worker of a slice.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'END'
usage: setup.sh NAME --zone ZONE [options]

Copies the checkout to every worker of the slice NAME, installs it into ~/jaxit-venv and counts the devices.
May be run again after a change; what is installed already is kept.

  --source DIR              the checkout to copy (default: the one this script is in)
  --extras LIST             extras to install besides tpu, e.g. tasks,tracking
  --nfs SERVER:/SHARE       mount a share on /mnt/jaxit of every worker (a slice of several hosts needs a run
                            folder that all of them see)
  --project PROJECT         default: gcloud's own
  --dry-run                 print the commands, run none
END
}

usage_if_asked "$@"
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
extras='' nfs=''
while (($#)); do
  case $1 in
    --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    --source) need_value "$@" && source_dir=$2 && shift 2 ;;
    --extras) need_value "$@" && extras=$2 && shift 2 ;;
    --nfs) need_value "$@" && nfs=$2 && shift 2 ;;
    *) common_option "$@" && shift "$used" ;;
  esac
done
check_common
[[ -z $extras ]] || check_form '--extras' "$extras" '[a-z0-9-]+(,[a-z0-9-]+)*' 'tasks,tracking'
[[ -z $nfs ]] || check_form '--nfs' "$nfs" '[A-Za-z0-9.-]+:/[A-Za-z0-9_./-]*' '10.0.0.2:/share'
[[ -f $source_dir/pyproject.toml ]] || fail "--source $(quote "$source_dir") has no pyproject.toml"

archive=${TMPDIR:-/tmp}/jaxit.XXXXXX
if [[ -z $dry_run ]]; then
  archive=$(mktemp "$archive")
  trap 'rm -f "$archive"' EXIT
fi
run tar -C "$source_dir" -czf "$archive" --exclude=./.git --exclude='./.venv*' --exclude=./runs --exclude=./caches \
  --exclude=./.jax_cache --exclude=__pycache__ --exclude='*.egg-info' .
run gcloud compute tpus tpu-vm scp "$archive" "$slice:jaxit.tar.gz" "${place[@]}" --worker=all
# The folder itself stays (a supervisor may stand in it), and so does what runs have written below it.
unpack='mkdir -p jaxit && find jaxit -mindepth 1 -maxdepth 1 ! -name runs ! -name caches -exec rm -rf {} + '
unpack+='&& tar -xzf jaxit.tar.gz -C jaxit'
install=(bash jaxit/tpu_scripts/worker.sh install "tpu${extras:+,$extras}")
[[ -z $nfs ]] || install+=("$nfs")
on_workers all "$unpack && $(quote "${install[@]}")"
on_workers all 'bash jaxit/tpu_scripts/worker.sh devices'
