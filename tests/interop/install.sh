# Sourced: finds a Python that the packages work on, and keeps installed packages.

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

# installed FOLDER WHAT...: whether just that was installed there.
installed() {
  local folder="$1"
  shift
  [ "$(cat "$folder/.installed" 2> /dev/null)" = "$*" ]
}

# venv FOLDER REQUIREMENT...: makes the environment if it is not there.
venv() {
  local folder="$1" python
  shift
  if ! installed "$folder" "$@"; then
    python="$(find_python)"
    "$python" -m venv --clear "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
    echo "$*" > "$folder/.installed"
  fi
}

# node_modules FOLDER PACKAGE...: installs the packages if they are not there.
node_modules() {
  local folder="$1"
  shift
  if ! installed "$folder" "$@"; then
    rm -rf "$folder"
    mkdir -p "$folder"
    npm install --silent --no-audit --no-fund --prefix "$folder" "$@"
    echo "$*" > "$folder/.installed"
  fi
}
