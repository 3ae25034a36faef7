#!/bin/sh
# Book the next truck's consignment into stock, line by line, and note what is short.
. "$(dirname -- "$0")/../../../shop.sh"

folder=$data/consignments
mkdir -p "$folder"
exec 9>"$folder/consignments.lock"
flock 9

number=$(cat "$folder/cursor" 2>/dev/null || echo 0)
truck=$data/upstream/consignments/truck-$(printf '%02d' $((number % 24))).csv
today=$(date +%Y-%m-%d)
echo "Truck $((number + 1)): $(($(wc -l <"$truck") - 1)) lines"

tail -n +2 "$truck" | while IFS=, read -r supplier sku outlet ordered delivered; do
    short=$((ordered - delivered))
    note=complete
    [ "$short" -eq 0 ] || note="short by $short"
    printf '%-18s %s  %s  %3d delivered, %s\n' "$supplier" "$sku" "$outlet" "$delivered" "$note"
    rest 0.3
done

received=$folder/received.csv
draft=$folder/.received.$$
{
    if [ -e "$received" ]; then cat "$received"; else echo "day,supplier,sku,outlet,ordered,delivered"; fi
    tail -n +2 "$truck" | sed "s/^/$today,/"
} >"$draft"
mv "$draft" "$received"
echo $((number + 1)) >"$folder/cursor"

tail -n +2 "$truck" | awk -F, '
    { ordered += $4; delivered += $5 }
    END { printf "Done: %d of %d items booked in, %d short\n", delivered, ordered, ordered - delivered }'
