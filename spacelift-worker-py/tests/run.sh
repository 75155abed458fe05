#!/bin/sh
# The Python package without an installation: what is built stands beside the Python sources below target/python, as in a wheel.
# Arguments go to pytest.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
python=$(realpath -s "${SLW_PYTHON:-.venv/bin/python}")

site=$target/python/site
rm -rf "$site"
mkdir -p "$site"
cp -R spacelift-worker-py/python/spacelift_worker "$site/"
rm -f "$site"/spacelift_worker/_native*.so
# An interpreter without the GIL loads what was built for it alone.
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX") if sysconfig.get_config_var("Py_GIL_DISABLED") else ".abi3.so")')
cp "$target/debug/lib_native.so" "$site/spacelift_worker/_native$suffix"

PYTHONPATH=$(cd "$site" && pwd)
export PYTHONPATH
if [ $# -eq 0 ]; then
    cd spacelift-worker-py
    set -- tests
    (cd "$PYTHONPATH" && "$python" -m mypy --strict --no-incremental -p spacelift_worker)
    (cd "$PYTHONPATH" && "$python" -m mypy.stubtest --ignore-missing-stub spacelift_worker)
    (cd "$PYTHONPATH" && "$python" -m pyright --verifytypes spacelift_worker --pythonpath "$python")
else
    cd spacelift-worker-py
fi
exec "$python" -X dev -W error -m pytest "$@"
