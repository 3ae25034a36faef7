#!/bin/sh
# Add up hours and wages per person for the payroll dashboard.
. "$(dirname -- "$0")/../../../shop.sh"

sheets=$data/payroll/timesheets.csv
if [ ! -e "$sheets" ]; then
    echo "Done: no timesheets yet; payroll_sync_deputy fetches them"
    exit 0
fi
dashboard=$data/payroll/dashboard.txt
draft=$dashboard.$$
rest 0.5
{
    printf '%-8s %7s %7s %9s %11s\n' staff shifts hours 'to check' wages
    awk -F, '
        FNR == 1 { next }
        FILENAME ~ /staff\.csv$/ { rate[$1] = $2; next }
        {
            shifts[$2]++; minutes[$2] += $7
            if ($8 != "approved") aside[$2]++
        }
        END {
            for (name in shifts)
                printf "%-8s %7d %7.1f %9d %11.2f\n", name, shifts[name], minutes[name] / 60,
                    aside[name], minutes[name] / 60 * rate[name] / 100
        }' "$data/staff.csv" "$sheets" | sort
} >"$draft"
mv "$draft" "$dashboard"
cat "$dashboard"
rest 0.3
awk 'NR > 1 { hours += $3; wages += $5 }
    END { printf "Done: %d people, %.1f hours, $%.2f\n", NR - 1, hours, wages }' "$dashboard"
