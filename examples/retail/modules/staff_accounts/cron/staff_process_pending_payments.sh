#!/bin/sh
# Charge the sales on account to the staff's balances, one batch after the other.
. "$(dirname -- "$0")/../../../shop.sh"

limit_cents=40000
pending=$data/staff_accounts/pending
mkdir -p "$pending" "$data/staff_accounts/charged"
exec 9>"$data/staff_accounts/accounts.lock"
flock 9

batches=0
for batch in "$pending"/*.csv; do
    [ -e "$batch" ] || continue
    batches=$((batches + 1))
    draft=$data/.staff.$$
    awk -F, -v OFS=, -v limit="$limit_cents" '
        FILENAME ~ /pending/ { if (FNR > 1) owed[$1] += $2; next }
        FNR == 1 { print; next }
        {
            balance = $3 + owed[$1]
            if (owed[$1] && balance > limit) {
                printf "%-8s $%.2f not charged: over the limit\n", $1, owed[$1] / 100 > "/dev/stderr"
                balance = $3
            } else if (owed[$1])
                printf "%-8s $%.2f charged\n", $1, owed[$1] / 100 > "/dev/stderr"
            print $1, $2, balance
        }' "$batch" "$data/staff.csv" 2>&1 >"$draft"
    mv "$draft" "$data/staff.csv"
    mv "$batch" "$data/staff_accounts/charged/"
    echo "batch $(basename "$batch" .csv) done"
    rest 1
done

printf '\n%-8s %10s\n' staff balance
tail -n +2 "$data/staff.csv" | sort -t, -k3,3nr | awk -F, '{ printf "%-8s %10.2f\n", $1, $3 / 100 }'
rest 0.5
echo "Done: $batches batches charged"
