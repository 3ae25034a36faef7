# shellcheck shell=sh
# What the example company's shell programs share: the data folder, filled, and a paced wait.
set -eu

retail=$(CDPATH='' cd -- "$(dirname -- "$0")/../../.." && pwd)

if [ -n "${SMARTCRON_DATA:-}" ]; then
    data=$SMARTCRON_DATA
elif [ -n "${SMARTCRON_HOME:-}" ]; then
    data=$SMARTCRON_HOME/app
else
    echo "neither SMARTCRON_DATA nor SMARTCRON_HOME is set: name the data folder" >&2
    exit 78
fi
if [ ! -e "$data/products.csv" ]; then
    "${SMARTCRON_PYTHON:-python3}" "$retail/seed.py"
fi
# Amounts and dates are the company's, whatever the server's own language is.
export LC_ALL=C TZ=Pacific/Auckland

# rest SECONDS: wait as the real service's rate limit would make us; SHOP_PACE=0 turns it off.
rest() {
    sleep "$(awk "BEGIN { print $1 * ${SHOP_PACE:-1} }")"
}
