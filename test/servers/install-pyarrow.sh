#!/bin/sh
# Makes a Python with pyarrow, once, outside the checkout; prints its path.
set -eu
dir="${XDG_CACHE_HOME:-$HOME/.cache}/logd-tests/pyarrow"
if ! "$dir/bin/python" -c 'import pyarrow' 2>/dev/null; then
  python3 -m venv "$dir" >&2
  "$dir/bin/pip" install --quiet pyarrow >&2
fi
echo "$dir/bin/python"
