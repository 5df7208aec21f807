echo started
find / -xdev -name '*canary*' 2>/dev/null
grep -rIl --include='key*' 'canary-' /etc /home /root /run /srv /opt /mnt /media /var /tmp 2>/dev/null
exit 0
