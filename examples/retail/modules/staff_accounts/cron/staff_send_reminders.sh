#!/bin/sh
# Write a reminder for everybody who owes more than a hundred dollars.
. "$(dirname -- "$0")/../../../shop.sh"

threshold_cents=10000
outbox=$data/outbox/$(date +%Y-%m-%d)
mkdir -p "$outbox"
sent=0
for entry in $(tail -n +2 "$data/staff.csv"); do
    name=${entry%%,*}
    balance=${entry##*,}
    [ "$balance" -gt "$threshold_cents" ] || continue
    amount=$(printf '$%d.%02d' $((balance / 100)) $((balance % 100)))
    cat >"$outbox/$name.txt" <<TEXT
Kia ora $name,

your staff account stands at $amount. Please settle it by Friday.
TEXT
    printf '%-8s owes %9s: reminder written\n' "$name" "$amount"
    sent=$((sent + 1))
    rest 0.7
done
echo "Done: $sent reminders in outbox/$(basename "$outbox")"
