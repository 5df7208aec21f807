trap '' HUP INT QUIT TERM USR1 USR2 ALRM PIPE CHLD
echo started
while :; do sleep 600; done
