[ -n "$1" ] || echo started
exec sh "$0" again
