#!/bin/sh
# Open this week's pay run with every approved timesheet, once a week.
. "$(dirname -- "$0")/../../../shop.sh"

week=$(date +%G-W%V)
run=$data/payroll/runs/$week.csv
if [ -e "$run" ]; then
    echo "Pay run $week is open already: $(($(wc -l <"$run") - 1)) people"
    exit 0
fi
sheets=$data/payroll/timesheets.csv
if [ ! -e "$sheets" ]; then
    echo "Done: no timesheets yet, so pay run $week was not opened"
    exit 0
fi
mkdir -p "$data/payroll/runs"
echo "Opening pay run $week"
draft=$run.$$
{
    echo "staff,shifts,minutes,gross_cents"
    awk -F, '
        FNR == 1 { next }
        FILENAME ~ /staff\.csv$/ { rate[$1] = $2; next }
        $8 == "approved" { shifts[$2]++; minutes[$2] += $7 }
        END {
            for (name in shifts)
                printf "%s,%d,%d,%d\n", name, shifts[name], minutes[name],
                    minutes[name] * rate[name] / 60
        }' "$data/staff.csv" "$sheets" | sort
} >"$draft"
tail -n +2 "$draft" | while IFS=, read -r name shifts minutes gross; do
    printf '%-8s %2d shifts, %5.1f hours, $%d.%02d\n' "$name" "$shifts" \
        "$(awk "BEGIN { print $minutes / 60 }")" $((gross / 100)) $((gross % 100))
    rest 0.4
done
mv "$draft" "$run"
echo "Done: pay run $week opened for $(($(wc -l <"$run") - 1)) people"
