#!/usr/bin/env bash
# What the other scripts do on one worker; setup.sh copies it there with the checkout.
set -euo pipefail

usage() {
  cat <<'END'
usage: worker.sh COMMAND ... (called by the other scripts on each worker of a slice)

  install EXTRAS [SERVER:/SHARE]                install the checkout into ~/jaxit-venv, mount a share
  devices                                       wait for all workers and count the devices
  start RUN MAX_RESTARTS [KEY=VALUE ...] -- WORDS   start `jaxit WORDS`, detached
  supervise RUN MAX_RESTARTS [KEY=VALUE ...] -- WORDS   the loop that `start` detaches
  report RUN                                    print the state of the run in one line
  log RUN LINES SEEN END                        print the log from byte SEEN up to byte END
END
}

# Mounts a share on /mnt/jaxit unless it is there already.
mount_share() {
  mountpoint -q /mnt/jaxit && return
  command -v mount.nfs >/dev/null || sudo apt-get install -y nfs-common
  sudo mkdir -p /mnt/jaxit
  sudo mount -t nfs -o rw,hard,noatime "$1" /mnt/jaxit
}

# Installs through uv, which brings its own Python: the one of the TPU images is too old.
install() {
  [[ -z ${2:-} ]] || mount_share "$2"
  python3 -m pip install --user --quiet uv
  local uv=$HOME/.local/bin/uv
  [[ -x $HOME/jaxit-venv/bin/python ]] || "$uv" venv --quiet --python 3.11 "$HOME/jaxit-venv"
  local constraints=()
  [[ ! -f constraints.txt ]] || constraints=(--constraint constraints.txt)
  "$uv" pip install --quiet --python "$HOME/jaxit-venv/bin/python" "${constraints[@]}" --editable ".[$1]"
}

# Every worker must come here at the same time: the first step of a slice waits for all of its hosts.
devices() {
  "$HOME/jaxit-venv/bin/python" -c '
import jax
jax.distributed.initialize()
print(f"worker {jax.process_index()}: {jax.local_device_count()} of {jax.device_count()} {jax.devices()[0].device_kind} devices")'
}

# Says whether the supervisor of the run is alive; a recycled process id doesn't count.
is_alive() {
  local pid
  pid=$(cat "$folder/pid" 2>/dev/null) && [[ -n $pid ]] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "supervise $run "
}

# Detaches the supervisor: a new session without a terminal, so that the end of the connection doesn't reach it.
start() {
  if is_alive; then
    echo "run $run is running already on $(hostname)" >&2
    exit 1
  fi
  mkdir -p "$folder"
  rm -f "$folder/exit" "$folder/restarts"
  nohup setsid bash tpu_scripts/worker.sh supervise "$@" >>"$folder/log.txt" 2>&1 </dev/null &
  echo "$!" >"$folder/pid"
  echo "run $run started on $(hostname); its log is $folder/log.txt"
}

# Runs jaxit until it ends with something else than "resume me".
supervise() {
  local max_restarts=$2 restarts=0 code
  shift 2
  local environment=()
  while [[ $1 != -- ]]; do
    environment+=("$1")
    shift
  done
  shift
  echo "$$" >"$folder/pid"
  while true; do
    code=0
    env "${environment[@]}" "$HOME/jaxit-venv/bin/jaxit" "$@" || code=$?
    if ((code != 75 && code != 76)) || ((restarts == max_restarts)); then
      break
    fi
    restarts=$((restarts + 1))
    echo "$restarts" >"$folder/restarts"
    echo "jaxit ended with $code (resume me); restart $restarts of at most $max_restarts"
    sleep 10
  done
  echo "$code" >"$folder/exit"
  echo "jaxit ended with $code"
}

# Prints `@worker NUMBER STATE DETAIL AGE BYTES`: DETAIL is an exit code or a count of restarts, AGE that of the log.
report() {
  local number state=absent detail=0 age=0 bytes=0
  number=$(hostname)
  number=${number##*-w-}
  [[ $number =~ ^[0-9]+$ ]] || number=0
  if [[ -f $folder/exit ]]; then
    detail=$(cat "$folder/exit")
    state=failed
    [[ $detail != 0 ]] || state=finished
  elif is_alive; then
    state=running
    detail=$(cat "$folder/restarts" 2>/dev/null || echo 0)
  elif [[ -f $folder/pid ]]; then
    state=dead
  fi
  if [[ -f $folder/log.txt ]]; then
    bytes=$(stat -c %s "$folder/log.txt")
    age=$(($(date +%s) - $(stat -c %Y "$folder/log.txt")))
  fi
  echo "@worker $number $state $detail $age $bytes"
}

# Prints the log from byte SEEN up to byte END; only its last LINES when SEEN is 0.
log() {
  local lines=$2 seen=$3 end=$4
  if ((seen == 0)); then
    head -c "$end" "$folder/log.txt" | tail -n "$lines"
  else
    head -c "$end" "$folder/log.txt" | tail -c "+$((seen + 1))"
  fi
}

if (($# == 0)); then
  usage >&2
  exit 2
fi
cd "$(dirname "$0")/.."
command=$1 run=${2:-} folder=$HOME/jaxit-runs/${2:-}
shift
case $command in
  install | devices | start | supervise | report | log) "$command" "$@" ;;
  --help) usage ;;
  *)
    echo "worker.sh: unknown command $command" >&2
    exit 2
    ;;
esac
