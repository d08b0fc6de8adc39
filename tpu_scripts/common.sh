# Shared by create, setup, launch, watch and delete; sourced, never run.
# shellcheck shell=bash
# Runs on bash 3.2 too (macOS), hence no associative arrays and the `${a[@]+...}` form for arrays which may be empty.

slice='' zone='' project='' dry_run='' used=0 place=()
script=$(basename "$0")

# Prints one line and ends with exit code 2: the user's input is wrong.
fail() {
  printf '%s: %s\n' "$script" "$1" >&2
  exit 2
}

# Shows the usage text of the calling script: without arguments on stderr with code 2, for --help on stdout.
usage_if_asked() {
  if (($# == 0)); then
    usage >&2
    exit 2
  fi
  local argument
  for argument in "$@"; do
    case $argument in
      --) return ;;
      -h | --help)
        usage
        exit 0
        ;;
    esac
  done
}

# Prints its arguments as one line that a POSIX shell reads back as the same words.
quote() {
  local single="'" escaped="'\\''" separator='' word
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]]; then
      printf '%s%s' "$separator" "$word"
    else
      printf "%s'%s'" "$separator" "${word//$single/$escaped}"
    fi
    separator=' '
  done
}

# Runs a command, or with --dry-run only prints it.
run() {
  if [[ -n $dry_run ]]; then
    quote "$@"
    printf '\n'
  else
    "$@"
  fi
}

# Fails unless the option in $1 has a value after it in $2.
need_value() {
  if (($# < 2)); then
    fail "$1 needs a value"
  fi
}

# Takes one argument known to all scripts; leaves in `used` how many words it took.
# shellcheck disable=SC2034  # the callers read `used`
common_option() {
  used=2
  case $1 in
    --zone) need_value "$@" && zone=$2 ;;
    --project) need_value "$@" && project=$2 ;;
    --dry-run) dry_run=1 used=1 ;;
    -*) fail "unknown option $(quote "$1"); see $script --help" ;;
    *)
      [[ -z $slice ]] || fail "one slice name is enough; got $(quote "$slice") and $(quote "$1")"
      slice=$1 used=1
      ;;
  esac
}

# Fails unless $2 matches the regular expression $3; $1 says what it is and $4 what it should look like.
check_form() {
  [[ -n $2 ]] || fail "$1 is missing; it looks like $4"
  [[ $2 =~ ^($3)$ ]] || fail "$1 $(quote "$2") is not valid; it looks like $4"
}

# Checks what all scripts need and sets `place`, the gcloud flags that say where.
check_common() {
  check_form 'the slice name' "$slice" '[a-z]([-a-z0-9]{0,61}[a-z0-9])?' 'my-slice (lower case letters, digits, -)'
  check_form '--zone' "$zone" '[a-z]+-[a-z]+[0-9]+-[a-z]' 'us-west4-a'
  place=("--zone=$zone")
  if [[ -n $project ]]; then
    check_form '--project' "$project" '([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]' 'my-project-123'
    place+=("--project=$project")
  fi
  [[ -n $dry_run ]] || command -v gcloud >/dev/null || fail 'gcloud is not on PATH; install the Google Cloud CLI'
}

# Runs a command line on workers of the slice: on_workers WHICH COMMAND, where WHICH is a number or `all`.
on_workers() {
  run gcloud compute tpus tpu-vm ssh "$slice" "${place[@]}" "--worker=$1" "--command=$2"
}
