#!/bin/sh
# Rate the suppliers by how much of what was ordered they delivered.
. "$(dirname -- "$0")/../../../shop.sh"

received=$data/consignments/received.csv
if [ ! -e "$received" ]; then
    echo "Done: no consignment has been received yet"
    exit 0
fi
mkdir -p "$data/consignments"
report=$data/consignments/suppliers.csv
echo "$(($(wc -l <"$received") - 1)) consignment lines read"
rest 2

draft=$report.$$
tail -n +2 "$received" | awk -F, '
    { lines[$2]++; ordered[$2] += $5; delivered[$2] += $6 }
    END {
        for (name in lines)
            printf "%.1f,%s,%d,%d,%d\n", 100 * delivered[name] / ordered[name], name,
                lines[name], ordered[name], delivered[name]
    }' | sort -t, -k1,1nr -k2,2 >"$draft"
mv "$draft" "$report"

printf '%-18s %6s %8s %10s %8s\n' supplier lines ordered delivered share
awk -F, '{ printf "%-18s %6d %8d %10d %7.1f%%\n", $2, $3, $4, $5, $1 }' "$report"
rest 1
echo "Done: $(wc -l <"$report") suppliers rated"
