# Sourced: finds a Python that the packages work on, and keeps virtual environments.

# Prints the first of the usual names that is Python 3.10 or later.
find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
      echo "$name"
      return
    fi
  done
  echo "python3 3.10 or later is needed" >&2
  return 2
}

# venv FOLDER REQUIREMENT...: makes the environment if it is not there.
venv() {
  local folder="$1" python
  shift
  if ! [ -e "$folder/.complete" ]; then
    python="$(find_python)"
    "$python" -m venv --clear "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
    touch "$folder/.complete"
  fi
}
