# Create the virtual environment named by $1 with $PYTHON, or with the first Python >= 3.11 that really runs
# (version managers leave commands on the PATH that only print an error).
for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        echo "creating $1 with $("$candidate" --version) ($(command -v "$candidate"))"
        "$candidate" -m venv "$1" && exit 0
        rm -rf "$1"
        echo "error  the virtual environment could not be created" >&2
        echo "mend   install the venv module (Debian, Ubuntu: apt install python3-venv), then run make again" >&2
        exit 1
    fi
done
if [ -n "${PYTHON:-}" ]; then
    echo "error  Hone needs Python 3.11 or newer; PYTHON=$PYTHON is older, or does not run" >&2
else
    echo "error  Hone needs Python 3.11 or newer, and there is none on the PATH" >&2
fi
echo "mend   install it, or name it: make setup PYTHON=/path/to/python3.11" >&2
exit 1
